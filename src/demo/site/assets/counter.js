// Stands for a counter that another company provides: it runs only after the visitor granted analytics.
(() => {
  window.demoAnalytics = true;
  document.cookie = 'lh_seen=1; Path=/; Max-Age=7776000; SameSite=Lax';
  const show = () => {
    const list = document.getElementById('running');
    const item = document.createElement('li');
    item.id = 'running-analytics';
    item.textContent = 'Leeshoek counter (analytics)';
    list.append(item);
    list.hidden = false;
  };
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', show);
  else show();
})();
