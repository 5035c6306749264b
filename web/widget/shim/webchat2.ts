import { openActions } from './actions.ts';
import { settingsOf, stringsOf, type Settings, type Webchat2Config } from './settings.ts';

// For pages that were written for the legacy widget: put in the place of its script, this gives them Twilio.FlexWebChat, and
// shows ours. What it maps, and what not, is in docs/widget.md.

const script = document.currentScript as HTMLScriptElement;
const page = window as any;

let arrived: (usher: any) => void;
const usher = new Promise<any>((done) => (arrived = done));
const Actions = openActions(usher);

/** As far as pages read it. */
const state = { config: {} as Webchat2Config, session: { channelSid: undefined as string | undefined, isEntryPointExpanded: false } };
const followers = new Set<() => void>();

function change(session: Partial<typeof state.session>) {
  state.session = { ...state.session, ...session };
  followers.forEach((fn) => fn());
}

/** Asks for the loader, which makes window.Usher; the launcher is on the page then. */
function load({ flow, label }: Settings): Promise<any> {
  return new Promise((done, fail) => {
    const loader = document.createElement('script');
    loader.src = new URL('widget.js', script.src).href;
    if (flow) loader.dataset.flow = flow;
    if (label) loader.dataset.label = label;
    loader.onload = () => done(page.Usher);
    loader.onerror = () => fail(new Error('The chat could not be loaded'));
    document.head.append(loader);
  });
}

async function show(settings: Settings, strings: Record<string, unknown>) {
  if (!settings.available) return;
  const api = await load(settings);
  api.on('open', () => {
    change({ isEntryPointExpanded: true });
    if (settings.startOnOpen && !state.session.channelSid) void api.start({});
  });
  api.on('close', () => change({ isEntryPointExpanded: false }));
  api.on('started', (v: { channel?: string }) => change({ channelSid: v?.channel }));
  api.on('ended', () => change({ channelSid: undefined }));
  await api.set({ ...settings.set, strings: stringsOf(strings) });
  arrived(api);
  if (settings.open) api.open();
}

/** The strings object of the manager: words that are set later are taken too. */
function stringsFor(given: Record<string, unknown>) {
  return new Proxy(given, {
    set(all, name, value) {
      all[name as string] = value;
      void usher.then((api) => api.set({ strings: stringsOf({ [name]: value }) }));
      return true;
    },
  });
}

function managerFor(config: Webchat2Config) {
  const strings = stringsFor({});
  return {
    get strings() {
      return strings;
    },
    set strings(given: Record<string, unknown>) {
      Object.assign(strings, given);
    },
    configuration: config,
    updateConfig(more: Webchat2Config) {
      Object.assign(config, more);
      void usher.then((api) => api.set(settingsOf(config).set));
    },
    store: {
      getState: () => ({ flex: { config: state.config, session: state.session } }),
      subscribe: (fn: () => void) => (followers.add(fn), () => followers.delete(fn)),
    },
    /** Enough to write in the visitor's name, as pages did after StartEngagement. */
    chatClient: {
      getChannelBySid: async (sid: string) => ({ sid, sendMessage: (body: string) => Actions.invokeAction('SendMessage', { body }) }),
    },
  };
}

async function createWebChat(config: Webchat2Config) {
  const given = { ...defaults(), ...config };
  given.componentProps = { ...componentDefaults(), ...config.componentProps };
  state.config = given;
  const manager = managerFor(given);
  return { manager, init: () => show(settingsOf(given), manager.strings) };
}

const components = ['EntryPoint', 'MainContainer', 'MainHeader', 'MessagingCanvas', 'MessageCanvasTray', 'PreEngagementCanvas', 'MessageInput', 'MessageList', 'MessageBubble', 'MessageListItem', 'MessageInputActions', 'PendingEngagementCanvas', 'FlexLogo'] as const;

/** Components whose defaultProps pages used to change before init; their Content cannot be changed here, and says so once. */
const stubs = Object.fromEntries(
  components.map((name) => {
    const nothing = () => console.warn(`FlexWebChat.${name}.Content has no counterpart in Usher's widget`);
    return [name, { defaultProps: {} as Record<string, any>, Content: { add: nothing, replace: nothing, remove: nothing, addWrapper: nothing } }];
  }),
);

const componentDefaults = () => Object.fromEntries(components.map((name) => [name, stubs[name]!.defaultProps]).filter(([, props]) => Object.keys(props as object).length));

const defaults = (): Webchat2Config => ({ available: true, startEngagementOnInit: true, context: { friendlyName: 'Anonymous' } });

const FlexWebChat = {
  createWebChat,
  renderWebChat: (config: Webchat2Config) => createWebChat(config).then(({ manager, init }) => init().then(() => manager)),
  Actions,
  ...stubs,
};

page.Twilio = { ...page.Twilio, FlexWebChat };
