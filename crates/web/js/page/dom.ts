/** The element with this id. The page's own markup has it, or the page is broken. */
export function need<T extends Element = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page lacks #${id}`);
  return found as unknown as T;
}

/** Sets text only where it differs: a reading that stands still costs no layout. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** What the user chose last time, where storage is allowed. */
export function remembered(name: string): string | null {
  try {
    return localStorage.getItem(`v64.${name}`);
  } catch {
    return null;
  }
}

/** Keeps a choice for the next time, where storage is allowed. */
export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(`v64.${name}`, value);
  } catch {
    // A private window: the choice lasts as long as the page.
  }
}
