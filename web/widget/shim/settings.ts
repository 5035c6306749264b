// The legacy widget's configuration (@twilio/flex-webchat-ui 2.x, its Config type), read as ours. Pure; keys that have no meaning
// here are passed over. docs/widget.md has the table.

export interface Webchat2Config {
  accountSid?: string;
  flexFlowSid?: string;
  available?: boolean;
  language?: string;
  context?: Record<string, unknown>;
  colorTheme?: string | { baseName?: string; light?: boolean; colors?: Record<string, unknown>; overrides?: any };
  preEngagementConfig?: { description?: string; fields?: unknown[]; submitLabel?: string; footerLabel?: string };
  startEngagementOnInit?: boolean;
  componentProps?: Record<string, Record<string, any> | undefined>;
  fileAttachment?: { enabled?: boolean; readOnly?: boolean };
  [other: string]: unknown;
}

/** What is given to the loader, and what to Usher.set. */
export interface Settings {
  /** False: the launcher is not shown. */
  available: boolean;
  flow: string;
  label?: string;
  /** The panel is open from the start. */
  open: boolean;
  /** Opening the panel opens the conversation; no form is shown. */
  startOnOpen: boolean;
  set: Record<string, unknown>;
}

const colour = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i;

/** The colour of a theme that people see first: the launcher's, the header's, the visitor's bubble's, the button's. */
function colourOf({ overrides = {}, colors = {} }: Exclude<Webchat2Config['colorTheme'], string | undefined>): string | undefined {
  const found = [
    overrides.EntryPoint?.Container?.background,
    overrides.EntryPoint?.Container?.backgroundColor,
    overrides.Chat?.MessageBubble?.FromMe?.Bubble?.background,
    overrides.MainHeader?.Container?.background,
    colors.defaultButtonColor,
    colors.tabSelectedColor,
  ];
  return found.find((c) => typeof c === 'string' && colour.test(c));
}

function themeOf(given: Webchat2Config['colorTheme']): { theme?: string; color?: string } {
  if (!given) return {};
  const theme = typeof given === 'string' ? { baseName: given } : given;
  const light = 'light' in theme && typeof theme.light === 'boolean' ? theme.light : theme.baseName ? !/dark/i.test(theme.baseName) : undefined;
  return { theme: light === undefined ? undefined : light ? 'light' : 'dark', color: colourOf(theme) };
}

/** Texts of the legacy widget's manager.strings that have one of ours; {{…}} becomes the place of a value. */
const words: Record<string, string> = {
  EntryPointTagline: 'chat',
  MessageCanvasTrayContent: 'ended',
  MessageCanvasTrayButton: 'newChat',
  InputPlaceHolder: 'write',
  TypingIndicator: 'typing',
  Read: 'tickRead',
  WelcomeMessage: 'greeting',
  PredefinedChatMessageBody: 'greeting',
  StartNewChat: 'newChat',
  Today: 'today',
  Yesterday: 'yesterday',
};

/** manager.strings as our words. Markup of the legacy widget's templates is left out: text is text here. */
export function stringsOf(given: Record<string, unknown>): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    const ours = words[name];
    if (ours && typeof value === 'string') out[ours] = value.replace(/<[^>]*>/g, ' ').replace(/\{\{[^}]*\}\}/g, '{0}').replace(/\s+/g, ' ').trim();
  }
  return out;
}

export function settingsOf(config: Webchat2Config): Settings {
  const { componentProps: props = {}, preEngagementConfig: form, context } = config;
  const { theme, color } = themeOf(config.colorTheme);
  const asks = config.startEngagementOnInit === false;
  const branding: Record<string, unknown> = {};
  if (color) branding.color = color;
  const predefined = props.MessagingCanvas?.predefinedMessage?.body;
  if (typeof predefined === 'string') branding.greeting = predefined;
  if (form?.footerLabel) branding.notice = form.footerLabel;
  const set: Record<string, unknown> = {
    branding,
    preEngagement: asks && form?.fields ? { description: form.description, fields: form.fields, submit_label: form.submitLabel } : null,
    // Off unless switched on, as there.
    attachments: config.fileAttachment?.enabled === true && config.fileAttachment.readOnly !== true,
  };
  if (context) set.context = context;
  if (theme) set.theme = theme;
  if (config.language) set.locale = config.language;
  if (props.MainHeader?.titleText) set.name = props.MainHeader.titleText;
  return {
    available: config.available !== false,
    flow: config.flexFlowSid ?? '',
    label: typeof props.EntryPoint?.tagline === 'string' ? props.EntryPoint.tagline : undefined,
    open: props.EntryPoint?.isEntryPointExpanded === true || props.MainContainer?.isEntryPointExpanded === true,
    startOnOpen: !asks,
    set,
  };
}
