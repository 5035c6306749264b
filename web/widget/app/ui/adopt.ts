/** The style of a part that is loaded when it is wanted comes with it. Call it where the module begins: nothing is drawn without. */
export function adopt(css: string) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}
