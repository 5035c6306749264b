// Sets the colour scheme before the first paint: the remembered choice, else the system's.
(() => {
  let kept = null;
  try { kept = localStorage.getItem('usher.scheme'); } catch { /* storage is off */ }
  const dark = kept === 'dark' || (kept !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
  let density = null;
  try { density = localStorage.getItem('usher.density'); } catch { /* storage is off */ }
  if (density === 'compact') document.documentElement.setAttribute('data-density', 'compact');
})();
