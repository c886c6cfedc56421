// What the pages gain with JavaScript: keys, the card beside the graph, light and dark without a reload. All else works
// without it.
'use strict'
{
  const html = document.documentElement
  const one = (selector, within = document) => within.querySelector(selector)
  const all = (selector, within = document) => [...within.querySelectorAll(selector)]

  // Light and dark. The server reads the cookie, so that the next page does not flash.
  one('[data-theme-button]')?.addEventListener('click', event => {
    event.preventDefault()
    const dark = html.dataset.theme ? html.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
    html.dataset.theme = dark ? 'light' : 'dark'
    document.cookie = `kruimel_dashboard_theme=${html.dataset.theme}; Path=/; Max-Age=31536000; SameSite=Strict`
  })

  // Menus close when something else is clicked, and on Escape.
  const closeMenus = () => {
    const open = all('details.menu[open]')
    for (const menu of open) menu.open = false
    return open.length > 0
  }
  document.addEventListener('click', event => {
    if (!event.target.closest('details.menu')) closeMenus()
  })

  // Keys follow the links that carry them.
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input, select, textarea')) return
    if (event.key === 'Escape' && closeMenus()) return
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key
    if (key === 'C') {
      const day = one('[data-focus="C"]')
      if (day) {
        day.closest('details').open = true
        day.focus()
        event.preventDefault()
      }
      return
    }
    const link = all('a[data-key]').find(a => a.dataset.key === key)
    if (link) {
      event.preventDefault()
      link.click()
    }
  })

  // The graph: a line and a card beside it that follow the pointer, a finger or the arrow keys.
  const plot = one('.plot[data-points]')
  const rows = all('[data-chart-rows] tbody tr')
  if (plot && rows.length > 0) {
    const svg = one('.draw', plot)
    const points = plot.dataset.points.split(';').map(point => point.split(' '))
    const make = (name, attributes) => {
      const element = document.createElementNS('http://www.w3.org/2000/svg', name)
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
      element.setAttribute('visibility', 'hidden')
      return svg.appendChild(element)
    }
    const cross = make('line', { class: 'cross', y1: '0', y2: '100%' })
    const before = make('circle', { class: 'pt cmp', r: '4' })
    const now = make('circle', { class: 'pt', r: '4.5' })
    const card = document.createElement('div')
    card.className = 'tip'
    card.hidden = true
    plot.append(card)
    const line = (name, text) => Object.assign(document.createElement(name), { textContent: text })
    let shown = -1

    const place = (element, x, y) => {
      element.setAttribute('visibility', y === '-' ? 'hidden' : 'visible')
      element.setAttribute('cx', x + '%')
      element.setAttribute('cy', (y === '-' ? 0 : y) + '%')
    }
    const fill = row => {
      const [name, value, earlier, earlierValue, change] = all('th, td', row).map(cell => cell.textContent.trim())
      const list = document.createElement('dl')
      const entry = (key, label, number) => {
        const mark = line('dt', '')
        mark.className = key
        list.append(mark, line('dt', label), line('dd', number))
      }
      entry('key', plot.dataset.metric, value)
      if (earlier) entry('key k0', earlier, earlierValue)
      const head = line('b', name)
      card.replaceChildren(head, ...(change && change !== '–' ? [' ', line('span', change)] : []), list)
      if (one('a', row)) card.append(line('p', 'Press Enter to open it'))
    }
    const show = index => {
      if (index === shown || !points[index]) return
      shown = index
      const [x, y, earlier] = points[index]
      for (const end of ['x1', 'x2']) cross.setAttribute(end, x + '%')
      cross.setAttribute('visibility', 'visible')
      place(now, x, y)
      place(before, x, earlier)
      fill(rows[index])
      card.hidden = false
      const left = svg.getBoundingClientRect().left - plot.getBoundingClientRect().left
      const at = left + svg.clientWidth * x / 100
      const right = at + 16 + card.offsetWidth < plot.clientWidth
      card.style.insetInlineStart = `${right ? at + 16 : Math.max(0, at - 16 - card.offsetWidth)}px`
    }
    const hide = () => {
      shown = -1
      card.hidden = true
      for (const element of [cross, now, before]) element.setAttribute('visibility', 'hidden')
    }
    const nearest = event => {
      const box = svg.getBoundingClientRect()
      const x = (event.clientX - box.left) * 100 / box.width
      return points.reduce((best, point, index) =>
        Math.abs(point[0] - x) < Math.abs(points[best][0] - x) ? index : best, 0)
    }
    plot.addEventListener('pointermove', event => show(nearest(event)))
    plot.addEventListener('pointerleave', hide)
    plot.addEventListener('click', event => {
      if (event.detail > 0 && matchMedia('(hover: hover)').matches) one('a', rows[nearest(event)])?.click()
    })
    plot.tabIndex = 0
    plot.setAttribute('role', 'group')
    plot.setAttribute('aria-label', 'Graph. Arrow keys move along it')
    plot.addEventListener('blur', hide)
    plot.addEventListener('keydown', event => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
      if (step) show(Math.min(points.length - 1, Math.max(0, (shown < 0 ? points.length : shown) + step)))
      else if (event.key === 'Enter' && shown >= 0) one('a', rows[shown])?.click()
      else if (event.key === 'Escape' && shown >= 0) hide()
      else return
      event.preventDefault()
      event.stopPropagation()
    })
  }
}
