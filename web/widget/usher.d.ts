// The widget's interface for the page that shows it, for editors and type checkers. It exists once widget.js has run:
//   <script src="https://HOST/widget.js" data-flow="FO…" async onload="…"></script>
// Further attributes: data-locale ("ja"), data-theme ("light", "dark", "auto"), data-label (the launcher's name until the
// chat is loaded). docs/widget.md has examples.

export interface UsherFile {
  sid: string;
  filename: string | null;
  content_type: string;
  /** In bytes. */
  size: number;
}

export interface UsherMessage {
  body: string;
  /** "" for the visitor's own. */
  author: string;
  /** Place in the conversation, from 0. */
  index: number;
  mine: boolean;
  media: UsherFile | null;
}

export interface UsherEvents {
  /** The chat in the panel is drawn. */
  ready: void;
  open: void;
  close: void;
  /** A conversation was opened. */
  started: { channel: string };
  /** The conversation has ended, whoever ended it. */
  ended: void;
  message: UsherMessage;
  /** Messages that the visitor has not seen. */
  unread: number;
  connection: 'connecting' | 'online' | 'offline' | 'refused';
  error: { message: string };
}

export interface UsherWishes {
  flow?: string;
  locale?: string;
  theme?: 'light' | 'dark' | 'auto';
  label?: string;
}

export interface UsherField {
  label: string;
  type: 'InputItem' | 'SelectItem' | 'TextareaItem';
  attributes: { name: string; type?: string; required?: boolean; placeholder?: string; value?: string; readOnly?: boolean };
  /** Of a SelectItem. */
  options?: { value: string; label?: string; selected?: boolean }[];
}

/** All of them are optional, and each replaces what the flow says. */
export interface UsherSettings {
  /** The name in the header, while no agent is there. */
  name?: string;
  branding?: { color?: string; greeting?: string; tagline?: string; privacy_url?: string; notice?: string };
  /** The form before a conversation; null: none. */
  preEngagement?: { description?: string; fields: UsherField[]; submit_label?: string } | null;
  context?: Record<string, unknown>;
  /** Words by their names in app/i18n/en.ts and app/i18n/files/en.ts; {0}, {1} stand for the values of words that have some. */
  strings?: Record<string, string>;
  locale?: string;
  theme?: 'light' | 'dark' | 'auto';
  /** False: visitors cannot attach files. */
  attachments?: boolean;
}

export interface UsherActions {
  open: undefined;
  close: undefined;
  /** Answers of the form, by the names of its fields. */
  start: Record<string, string>;
  /** The text. */
  sendMessage: string;
  endChat: undefined;
  restart: undefined;
}

export interface UsherHooks {
  /** Runs before an action. What it answers is the new value; false, or cancel(), keeps the action from being done. May take its time. */
  before<K extends keyof UsherActions>(action: K, fn: (value: UsherActions[K], cancel: () => void) => unknown): Promise<() => void>;
  after<K extends keyof UsherActions>(action: K, fn: (value: UsherActions[K]) => unknown): Promise<() => void>;
  /** Runs instead of an action; original(value) does it after all. One at a time. */
  replace<K extends keyof UsherActions>(action: K, fn: (value: UsherActions[K], original: (value?: UsherActions[K]) => void) => unknown): Promise<() => void>;
}

export interface Usher extends UsherHooks {
  /** Starts anew, with other settings than the script's attributes. Nothing is forgotten on the visitor's side. */
  boot(wishes?: UsherWishes): void;
  /** Takes launcher and panel off the page. */
  shutdown(): void;
  open(): void;
  close(): void;
  toggle(): void;
  /** The answer ends the listening. */
  on<K extends keyof UsherEvents>(event: K, listener: (value: UsherEvents[K]) => void): () => void;
  once<K extends keyof UsherEvents>(event: K, listener: (value: UsherEvents[K]) => void): () => void;
  // What follows is loaded when one of it is first called, and done in the order of the calls.
  /** Vouches for the visitor: an access token that the page's server made for that person's identity. */
  identify(jwt: string): Promise<void>;
  /** Joins the pre-engagement data of the next conversation; wins over the form's answers of the same name. */
  setContext(context: Record<string, unknown>): Promise<void>;
  setLocale(locale: string): Promise<void>;
  setTheme(theme: 'light' | 'dark' | 'auto'): Promise<void>;
  set(settings: UsherSettings): Promise<void>;
  /** Opens a conversation with these answers, as the form does; nothing where there is one. */
  start(answers?: Record<string, string>): Promise<void>;
  /** Writes in the visitor's name. Without a conversation it opens one. */
  sendMessage(body: string): Promise<void>;
  endChat(): Promise<void>;
  /** Leaves the conversation behind and begins anew. */
  restart(): Promise<void>;
}

declare global {
  interface Window {
    Usher?: Usher;
  }
}
