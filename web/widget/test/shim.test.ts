import { describe, expect, it } from 'vitest';
import { openActions } from '../shim/actions.ts';
import { settingsOf, stringsOf } from '../shim/settings.ts';

describe('the legacy configuration', () => {
  it('asks nothing, and begins when it is opened, when nothing is said', () => {
    expect(settingsOf({ flexFlowSid: 'FO1' })).toEqual({ available: true, flow: 'FO1', label: undefined, open: false, startOnOpen: true, set: { branding: {}, preEngagement: null, attachments: false } });
  });

  it('shows its form only where the engagement does not start by itself', () => {
    const form = { description: 'Who?', fields: [{ label: 'Name' }], submitLabel: 'Go', footerLabel: 'Kept a day' };
    expect(settingsOf({ preEngagementConfig: form }).set.preEngagement).toBe(null);
    const { set, startOnOpen } = settingsOf({ preEngagementConfig: form, startEngagementOnInit: false });
    expect(startOnOpen).toBe(false);
    expect(set.preEngagement).toEqual({ description: 'Who?', fields: [{ label: 'Name' }], submit_label: 'Go' });
    expect(set.branding).toEqual({ notice: 'Kept a day' });
  });

  it.each([
    ['DarkTheme', { theme: 'dark' }],
    ['BlueMediumTheme', { theme: 'light' }],
    [{ baseName: 'BlueDarkTheme', light: true }, { theme: 'light' }],
    [{ overrides: { MainHeader: { Container: { background: '#123456' } } } }, { color: '#123456' }],
    [{ overrides: { EntryPoint: { Container: { background: '#abc' } } }, colors: { defaultButtonColor: '#000' } }, { color: '#abc' }],
    [{ baseName: 'DarkTheme', colors: { defaultButtonColor: '#0b6974' } }, { theme: 'dark', color: '#0b6974' }],
    [{ colors: { defaultButtonColor: 'url(//evil)' } }, {}],
    [undefined, {}],
  ])('reads the theme %j', (colorTheme, { theme, color }: { theme?: string; color?: string }) => {
    const { set } = settingsOf({ colorTheme });
    expect(set.theme).toBe(theme);
    expect((set.branding as { color?: string }).color).toBe(color);
  });

  it('reads components, context, language, availability and files', () => {
    const given = settingsOf({
      available: false,
      language: 'ja-JP',
      context: { friendlyName: 'Ana' },
      componentProps: { MainHeader: { titleText: 'Shop' }, EntryPoint: { tagline: 'Ask', isEntryPointExpanded: true }, MessagingCanvas: { predefinedMessage: { body: 'Hello' } } },
      fileAttachment: { enabled: true },
    });
    expect(given).toMatchObject({ available: false, label: 'Ask', open: true });
    expect(given.set).toMatchObject({ locale: 'ja-JP', context: { friendlyName: 'Ana' }, name: 'Shop', attachments: true, branding: { greeting: 'Hello' } });
    expect(settingsOf({ fileAttachment: { enabled: true, readOnly: true } }).set.attachments).toBe(false);
  });

  it('takes words as text', () => {
    expect(stringsOf({ InputPlaceHolder: 'Type', TypingIndicator: '{{name}} is typing …', MessageCanvasTrayContent: '<h6>Thanks</h6><p>Bye</p>', Unknown: 'x', Read: 5 })).toEqual({
      write: 'Type', typing: '{0} is typing …', ended: 'Thanks Bye',
    });
  });
});

/** window.Usher as the shim sees it, with hooks that are run by hand. */
function fake() {
  const done: unknown[][] = [];
  const hooks: Record<string, ((value: unknown, second?: unknown) => unknown)[]> = {};
  const put = (when: string) => async (action: string, fn: never) => {
    (hooks[when + ' ' + action] ??= []).push(fn);
    return () => void (hooks[when + ' ' + action] = hooks[when + ' ' + action]!.filter((x) => x !== fn));
  };
  const act = (name: string) => (v?: unknown) => void done.push([name, v]);
  const usher = { before: put('before'), after: put('after'), replace: put('replace'), start: act('start'), restart: act('restart'), toggle: act('toggle'), close: act('close'), sendMessage: act('sendMessage') };
  return { usher: usher as never, done, hooks };
}

describe('the legacy actions', () => {
  it('invokes ours', async () => {
    const { usher, done } = fake();
    const actions = openActions(Promise.resolve(usher));
    await actions.invokeAction('StartEngagement', { formData: { friendlyName: 'Ana' } });
    await actions.invokeAction('SendMessage', { body: 'Hello', channelSid: 'CH1' });
    for (const name of ['ToggleChatVisibility', 'MinimizeChat', 'RestartEngagement']) await actions.invokeAction(name);
    expect(done.map(([name, v]) => [name, v])).toEqual([['start', { friendlyName: 'Ana' }], ['sendMessage', 'Hello'], ['toggle', undefined], ['close', undefined], ['restart', undefined]]);
    await expect(actions.invokeAction('SetInputText', {})).rejects.toThrow('no action SetInputText');
  });

  it('hears, changes, aborts and lets go', async () => {
    const { usher, hooks } = fake();
    const actions = openActions(Promise.resolve(usher));
    const change = (p: { body?: string }, abort: () => void) => (p.body === 'no' ? abort() : void (p.body += '!'));
    actions.addListener('beforeSendMessage', change as never);
    await actions.invokeAction('RestartEngagement'); // hooks are there before the next action
    const [before] = hooks['before sendMessage']!;
    expect(await before!('hi', () => {})).toBe('hi!');
    let aborted = false;
    await before!('no', () => (aborted = true));
    expect(aborted).toBe(true);
    actions.removeListener('beforeSendMessage', change as never);
    await actions.invokeAction('RestartEngagement');
    expect(hooks['before sendMessage']).toEqual([]);
    expect(() => actions.on('duringLunch', () => {})).toThrow('no event');
    actions.on('afterToggleChatVisibility', () => {});
    await actions.invokeAction('RestartEngagement');
    expect([hooks['after open']!.length, hooks['after close']!.length]).toEqual([1, 1]);
  });

  it('replaces', async () => {
    const { usher, hooks } = fake();
    const actions = openActions(Promise.resolve(usher));
    actions.replaceAction('SendMessage', (p, original) => original({ body: p.body + '?' }));
    await actions.invokeAction('RestartEngagement');
    const sent: unknown[] = [];
    await hooks['replace sendMessage']![0]!('Hi', (v: unknown) => sent.push(v));
    expect(sent).toEqual(['Hi?']);
  });

  it('keeps actions of the page\'s own', async () => {
    const actions = openActions(Promise.resolve(fake().usher));
    const heard: string[] = [];
    actions.registerAction('Wave', (p) => heard.push('wave ' + p.at));
    actions.addListener('beforeWave', (p, abort) => (heard.push('before'), p.at === 'nobody' && abort()));
    actions.addListener('afterWave', () => heard.push('after'));
    await actions.invokeAction('Wave', { at: 'Bo' });
    await actions.invokeAction('Wave', { at: 'nobody' });
    expect(heard).toEqual(['before', 'wave Bo', 'after', 'before']);
    actions.replaceAction('Wave', async (_, original) => (heard.push('instead'), original({ at: 'all' })));
    await actions.invokeAction('Wave', {});
    expect(heard.slice(4)).toEqual(['before', 'instead', 'wave all', 'after']);
  });
});
