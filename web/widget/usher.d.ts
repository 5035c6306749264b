// The widget's interface for the page that shows it, for editors and type checkers. It exists once widget.js has run:
//   <script src="https://HOST/widget.js" data-flow="FO…" async onload="…"></script>
// Further attributes: data-locale ("ja"), data-theme ("light", "dark", "auto"), data-label (the launcher's name until the
// chat is loaded).

interface UsherMessage {
  body: string;
  /** "" for the visitor's own. */
  author: string;
  /** Place in the conversation, from 0. */
  index: number;
  mine: boolean;
}

interface UsherEvents {
  /** The chat in the panel is drawn. */
  ready: void;
  open: void;
  close: void;
  /** A conversation was opened. */
  started: void;
  /** The conversation has ended, whoever ended it. */
  ended: void;
  message: UsherMessage;
  /** Messages that the visitor has not seen. */
  unread: number;
  connection: 'connecting' | 'online' | 'offline' | 'refused';
  error: { message: string };
}

interface UsherWishes {
  flow?: string;
  locale?: string;
  theme?: 'light' | 'dark' | 'auto';
  label?: string;
}

interface Usher {
  /** Starts anew, with other settings than the script's attributes. Nothing is forgotten on the visitor's side. */
  boot(wishes?: UsherWishes): void;
  /** Takes launcher and panel off the page. */
  shutdown(): void;
  open(): void;
  close(): void;
  toggle(): void;
  /** Vouches for the visitor: an access token that the page's server made for that person's identity. */
  identify(jwt: string): void;
  /** Joins the pre-engagement data of the next conversation; wins over the form's answers of the same name. */
  setContext(context: Record<string, unknown>): void;
  setLocale(locale: string): void;
  setTheme(theme: 'light' | 'dark' | 'auto'): void;
  /** Writes in the visitor's name. Without a conversation it opens one. */
  sendMessage(body: string): void;
  endChat(): void;
  /** The answer ends the listening. */
  on<K extends keyof UsherEvents>(event: K, listener: (value: UsherEvents[K]) => void): () => void;
  once<K extends keyof UsherEvents>(event: K, listener: (value: UsherEvents[K]) => void): () => void;
}

interface Window {
  Usher?: Usher;
}
