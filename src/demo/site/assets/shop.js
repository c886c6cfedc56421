// The basket of the shop: kept in this tab's sessionStorage, which the declaration names, and sent nowhere.
(() => {
  const read = () => {
    try { return JSON.parse(sessionStorage.getItem('basket')) || {}; } catch { return {}; }
  };
  const write = basket => {
    try { sessionStorage.setItem('basket', JSON.stringify(basket)); } catch { /* The basket lasts as long as the page. */ }
  };
  const euro = cents => `€ ${(cents / 100).toFixed(2)}`;

  const add = document.querySelector('[data-product]');
  add?.addEventListener('click', () => {
    const basket = read(), { product, name, cents } = add.dataset;
    basket[product] = { name, cents: Number(cents), count: (basket[product]?.count || 0) + 1 };
    write(basket);
    const said = document.getElementById('said');
    said.textContent = `In the basket: ${basket[product].count} × ${name}.`;
    said.hidden = false;
  });

  const rows = document.getElementById('rows');
  if (!rows) return;
  const draw = () => {
    const basket = read(), items = Object.values(basket);
    document.getElementById('empty').hidden = items.length > 0;
    document.getElementById('full').hidden = items.length === 0;
    rows.replaceChildren(...items.map(item => {
      const row = document.createElement('tr');
      const name = Object.assign(document.createElement('th'), { scope: 'row', textContent: item.name });
      const count = Object.assign(document.createElement('td'), { className: 'n', textContent: item.count });
      const price = Object.assign(document.createElement('td'), { className: 'n', textContent: euro(item.count * item.cents) });
      row.append(name, count, price);
      return row;
    }));
    document.getElementById('total').textContent = euro(items.reduce((sum, item) => sum + item.count * item.cents, 0));
  };
  document.getElementById('clear').addEventListener('click', () => { write({}); draw(); });
  document.getElementById('order').addEventListener('click', () => {
    write({});
    draw();
    document.getElementById('empty').textContent = 'This shop only shows how one looks: nothing was ordered, and the basket is empty again.';
  });
  draw();
})();
