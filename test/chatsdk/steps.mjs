// The steps of the script, in their order; each goes on where the one before has ended.
import http from 'node:http';
import { connect, hears, refused, rest, same, token, until, within } from './people.mjs';

const bodies = (list) => list.map((m) => m.body);
const numbers = (from, to) => Array.from({ length: to - from }, (_, i) => `message ${from + i}`);

export const steps = [
  ['connect', async (p) => {
    p.ann = await p.connect(p.ids.ann);
    p.bob = await p.connect(p.ids.bob, { grant: 'ip_messaging' });
    same(p.ann.client.user.identity, p.ids.ann, 'identity');
    await until(() => p.ann.client.connectionState === 'connected', 'connected');
    p.eve = await p.connect(`eve-${p.version}`, { seconds: 15 }); // what becomes of it is looked at later
  }],

  ['create a channel and join it', async (p) => {
    p.room = await within(p.ann.client.createChannel({
      friendlyName: 'The room 🚪', uniqueName: `room-${p.version}`, isPrivate: true, attributes: { floor: 1 },
    }), 'createChannel');
    same([p.room.friendlyName, p.room.uniqueName, p.room.isPrivate, p.room.attributes, p.room.createdBy],
      ['The room 🚪', `room-${p.version}`, true, { floor: 1 }, p.ids.ann], 'channel');
    await within(p.room.join(), 'join');
    await until(() => p.room.status === 'joined', 'joined');
    same((await p.room.getMembers()).map((m) => m.identity), [p.ids.ann], 'members');
  }],

  ['add a member', async (p) => {
    await within(p.room.add(p.ids.bob), 'add');
    await hears(p.ann, 'memberJoined', (m) => m.identity === p.ids.bob);
    p.bobs = await hears(p.bob, 'channelJoined', (c) => c.sid === p.room.sid);
    same((await p.bobs.getMembers()).map((m) => m.identity).sort(), [p.ids.ann, p.ids.bob].sort(), 'members');
    same(await p.room.getMembersCount(), 2, 'count of members');
  }],

  ['send, with text and attributes', async (p) => {
    same(await within(p.room.sendMessage('first ✉️ "quoted"', { mood: 'fine' }), 'sendMessage'), 0, 'index');
    const m = await hears(p.bob, 'messageAdded', (x) => x.index === 0);
    same([m.body, m.author, m.attributes, m.type], ['first ✉️ "quoted"', p.ids.ann, { mood: 'fine' }, 'text'], 'message');
    await within(p.bobs.sendMessage('back'), 'sendMessage');
    await hears(p.ann, 'messageAdded', (x) => x.body === 'back');
    await until(() => p.room.lastMessage?.index === 1, 'lastMessage');
  }],

  ['edit a message', async (p) => {
    const [m] = (await p.room.getMessages(1, 0, 'forward')).items;
    await within(m.updateBody('edited'), 'updateBody');
    await within(m.updateAttributes({ mood: 'better' }), 'updateAttributes');
    await until(async () => {
      const [seen] = (await p.bobs.getMessages(1, 0, 'forward')).items;
      return seen.body === 'edited' && seen.attributes.mood === 'better' && seen.lastUpdatedBy === p.ids.ann;
    }, 'the change');
    await hears(p.bob, 'messageUpdated', ({ message }) => message.index === 0);
  }],

  ['delete a message', async (p) => {
    const index = await p.room.sendMessage('wrong');
    const m = await hears(p.ann, 'messageAdded', (x) => x.index === index);
    await hears(p.bob, 'messageAdded', (x) => x.index === index);
    await within(m.remove(), 'remove');
    await hears(p.bob, 'messageRemoved', (x) => x.index === index);
  }],

  ['history, paging both ways', async (p) => {
    const long = await p.ann.client.createChannel({ isPrivate: true });
    await long.join();
    await until(() => long.status === 'joined', 'joined');
    for (const text of numbers(0, 13)) await long.sendMessage(text);
    let page = await within(long.getMessages(5), 'getMessages');
    same([bodies(page.items), page.hasPrevPage, page.hasNextPage], [numbers(8, 13), true, false], 'newest');
    page = await page.prevPage();
    same([bodies(page.items), page.hasPrevPage, page.hasNextPage], [numbers(3, 8), true, true], 'before');
    page = await page.prevPage();
    same([bodies(page.items), page.hasPrevPage, page.hasNextPage], [numbers(0, 3), false, true], 'oldest');
    page = await page.nextPage();
    same(bodies(page.items), numbers(3, 8), 'and back');
    page = await long.getMessages(4, 2, 'forward');
    same([bodies(page.items), page.hasPrevPage, page.hasNextPage], [numbers(2, 6), true, true], 'forward');
    page = await page.nextPage();
    same(bodies(page.items), numbers(6, 10), 'further');
    page = await page.prevPage();
    same(bodies(page.items), numbers(2, 6), 'and back');
    page = await long.getMessages(4, 6, 'backwards');
    same(bodies(page.items), numbers(3, 7), 'backwards from an index');
    same(await long.getMessagesCount(), 13, 'count');
    p.long = long;
  }],

  ['list and find channels', async (p) => {
    const seen = [];
    for (let page = await within(p.ann.client.getSubscribedChannels(), 'getSubscribedChannels'); ; page = await page.nextPage()) {
      seen.push(...page.items.map((c) => c.sid));
      if (!page.hasNextPage) break;
    }
    same(seen.sort(), [p.room.sid, p.long.sid].sort(), 'own channels');
    same((await p.ann.client.getChannelBySid(p.room.sid)).sid, p.room.sid, 'by SID');
    same((await p.ann.client.getChannelByUniqueName(`room-${p.version}`)).sid, p.room.sid, 'by unique name');
    const page = await p.ann.client.getUserChannelDescriptors();
    const own = page.items.find((d) => d.sid === p.room.sid);
    same([own.friendlyName, own.membersCount, own.messagesCount], ['The room 🚪', 2, 2], 'descriptor');
    await refused(p.ann.client.getChannelBySid(`CH${'0'.repeat(32)}`), 'a channel that does not exist');
  }],

  ['typing', async (p) => {
    await within(p.room.typing(), 'typing');
    const m = await hears(p.bob, 'typingStarted');
    same(m.identity, p.ids.ann, 'who');
    await p.room.sendMessage('done typing');
    await hears(p.bob, 'typingEnded');
    if (p.ann.heard.some(([name]) => name === 'typingStarted')) throw new Error('own typing was heard');
  }],

  ['read horizon and unread counts', async (p) => {
    same(await p.bobs.getUnconsumedMessagesCount(), null, 'nothing was read');
    same(await within(p.bobs.updateLastConsumedMessageIndex(1), 'updateLastConsumedMessageIndex'), 2, 'unread');
    const { member } = await hears(p.ann, 'memberUpdated', ({ member: m }) => m.identity === p.ids.bob && m.lastConsumedMessageIndex === 1);
    if (!member.lastConsumptionTimestamp) throw new Error('no time of reading');
    await until(() => p.bobs.lastConsumedMessageIndex === 1, 'own horizon');
    same(await within(p.bobs.setAllMessagesConsumed(), 'setAllMessagesConsumed'), 0, 'all read');
    same(await within(p.bobs.setNoMessagesConsumed(), 'setNoMessagesConsumed'), null, 'none read');
    await until(() => p.bobs.lastConsumedMessageIndex === null, 'no horizon');
  }],

  ['channel updates', async (p) => {
    await within(p.room.updateFriendlyName('Renamed'), 'updateFriendlyName');
    await within(p.room.updateUniqueName(`renamed-${p.version}`), 'updateUniqueName');
    await within(p.room.updateAttributes({ floor: 2, list: [1, { a: null }] }), 'updateAttributes');
    await until(() => p.bobs.friendlyName === 'Renamed' && p.bobs.uniqueName === `renamed-${p.version}` && p.bobs.attributes.floor === 2, 'the changes');
    await within(p.bobs.setUserNotificationLevel?.('muted') ?? Promise.resolve(), 'setUserNotificationLevel');
    if (p.bobs.setUserNotificationLevel) await until(() => p.bobs.notificationLevel === 'muted', 'muted');
  }],

  ['member updates', async (p) => {
    const me = (await p.bobs.getMembers()).find((m) => m.identity === p.ids.bob);
    await within(me.updateAttributes({ hat: true }), 'updateAttributes');
    await hears(p.ann, 'memberUpdated', ({ member }) => member.identity === p.ids.bob && member.attributes?.hat === true);
  }],

  ['user updates', async (p) => {
    const bob = await within(p.ann.client.getUser(p.ids.bob), 'getUser');
    await within(p.bob.client.user.updateFriendlyName('Bob B.'), 'updateFriendlyName');
    await within(p.bob.client.user.updateAttributes({ team: 'blue' }), 'updateAttributes');
    await until(() => bob.friendlyName === 'Bob B.' && bob.attributes.team === 'blue', 'the changes');
    await until(() => p.bob.client.user.friendlyName === 'Bob B.', 'own change');
    // Clients keep what they have read for some seconds.
    await until(async () => (await p.ann.client.getUserDescriptor(p.ids.bob)).friendlyName === 'Bob B.', 'the new descriptor');
    const all = await p.room.getUserDescriptors();
    same(all.items.map((u) => u.identity).sort(), [p.ids.ann, p.ids.bob].sort(), 'descriptors');
  }],

  ['presence', async (p) => {
    const fay = await p.connect(`fay-${p.version}`);
    await within(p.room.add(`fay-${p.version}`), 'add');
    await hears(fay, 'channelJoined', (c) => c.sid === p.room.sid);
    const seen = await within(p.ann.client.getUser(`fay-${p.version}`), 'getUser');
    await until(() => seen.online === true && seen.notifiable === false, 'online');
    const reasons = [];
    seen.on('updated', ({ updateReasons }) => reasons.push(...updateReasons));
    const [gone, back] = [fay.wire.close.bind(fay.wire), fay.wire.reopen.bind(fay.wire)];
    gone();
    await until(() => seen.online === false, 'offline');
    back();
    await until(() => seen.online === true, 'online again');
    same(reasons, ['online', 'online'], 'reasons');
    await within(p.room.removeMember(`fay-${p.version}`), 'removeMember');
    await fay.client.shutdown();
    fay.wire.stop();
  }],

  ['invite, accept and decline', async (p) => {
    const party = await p.ann.client.createChannel({ friendlyName: 'Party', isPrivate: true });
    await party.join();
    await until(() => party.status === 'joined', 'joined');
    await within(party.invite(p.ids.bob), 'invite');
    const asked = await hears(p.bob, 'channelInvited', (c) => c.sid === party.sid);
    same([asked.friendlyName, asked.status], ['Party', 'invited'], 'invited');
    await within(asked.decline(), 'decline');
    await hears(p.bob, 'channelLeft', (c) => c.sid === party.sid);
    await within(party.invite(p.ids.bob), 'invite again');
    const again = await until(() => p.bob.heard.filter(([n, c]) => n === 'channelInvited' && c.sid === party.sid)[1]?.[1], 'invited again');
    await within(again.join(), 'join');
    await hears(p.bob, 'channelJoined', (c) => c.sid === party.sid);
    await hears(p.ann, 'memberJoined', (m) => m.channel.sid === party.sid && m.identity === p.ids.bob);
    same((await again.getMembers()).length, 2, 'members');
    await refused(party.invite(p.ids.bob), 'inviting a member');
    await within(again.leave(), 'leave');
    await hears(p.ann, 'memberLeft', (m) => m.channel.sid === party.sid && m.identity === p.ids.bob);
  }],

  ['public channels: find, join, leave, come back', async (p) => {
    const square = await p.ann.client.createChannel({ friendlyName: 'Square', uniqueName: `square-${p.version}`, isPrivate: false });
    await square.join();
    const found = await within(p.bob.client.getChannelByUniqueName(`square-${p.version}`), 'getChannelByUniqueName');
    same([found.sid, found.status === 'joined'], [square.sid, false], 'found');
    const listed = [];
    for (let page = await p.bob.client.getPublicChannelDescriptors(); ; page = await page.nextPage()) {
      listed.push(...page.items.map((d) => d.sid));
      if (!page.hasNextPage) break;
    }
    if (!listed.includes(square.sid) || listed.includes(p.room.sid)) throw new Error('public channels: wrong list');
    await square.updateFriendlyName('Town square');
    await until(() => found.friendlyName === 'Town square', 'news of a public channel');
    await within(found.join(), 'join');
    await hears(p.bob, 'channelJoined', (c) => c.sid === square.sid);
    await found.getMessages(); // from here on it hears messages
    await square.sendMessage('hello');
    await hears(p.bob, 'messageAdded', (m) => m.body === 'hello');
    await within(found.leave(), 'leave');
    await hears(p.bob, 'channelLeft', (c) => c.sid === square.sid);
    await hears(p.ann, 'memberLeft', (m) => m.identity === p.ids.bob);
    await square.sendMessage('unheard');
    await within(found.join(), 'join again');
    await until(() => found.status === 'joined', 'joined again');
    await found.getMessages();
    await square.sendMessage('heard');
    await hears(p.bob, 'messageAdded', (m) => m.body === 'heard');
    p.square = square;
  }],

  ['remove a member', async (p) => {
    await within(p.square.removeMember(p.ids.bob), 'removeMember');
    await until(() => p.bob.heard.filter(([n, c]) => n === 'channelLeft' && c.sid === p.square.sid).length === 2, 'channelLeft');
    same((await p.square.getMembers()).map((m) => m.identity), [p.ids.ann], 'members');
  }],

  ['permission denials', async (p) => {
    p.cid = await p.connect(p.ids.cid);
    await refused(p.cid.client.getChannelBySid(p.room.sid), 'a foreign private channel');
    await refused(p.cid.client.getChannelByUniqueName(`renamed-${p.version}`), 'a foreign private channel by name');
    const denied = await refused(p.bobs.updateFriendlyName('Mine'), 'renaming without the permission');
    if (!/denied|permission|forbidden|unauthorized|403|50107/i.test(`${denied.message} ${denied.code} ${denied.status}`)) throw denied;
    await refused(p.bobs.delete(), 'destroying without the permission');
    const [m] = (await p.bobs.getMessages(1, 0, 'forward')).items;
    await refused(m.updateBody('forged'), "editing somebody else's message");
    await refused(m.remove(), "deleting somebody else's message");
    await refused(p.bobs.removeMember(p.ids.ann), 'removing without the permission');
    same(p.room.friendlyName, 'Renamed', 'name');
  }],

  ['token refresh', async (p) => {
    const dee = await p.connect(`dee-${p.version}`, { seconds: 65 });
    await hears(dee, 'tokenAboutToExpire');
    await within(dee.client.updateToken(token(`dee-${p.version}`, p.service)), 'updateToken');
    await refused(dee.client.updateToken(token(`eve-${p.version}`, p.service)), "somebody else's token");
    await dee.client.shutdown();
    dee.wire.stop();
    // One that is not renewed ends, and a new one begins again.
    const { eve } = p;
    await hears(eve, 'tokenExpired');
    await until(() => eve.client.connectionState === 'disconnected', 'disconnected'); // before, the libraries take no token
    await within(eve.client.updateToken(token(`eve-${p.version}`, p.service)), 'updateToken after the end');
    await until(() => eve.client.connectionState === 'connected', 'connected again');
    await within(eve.client.createChannel({ friendlyName: 'Still here' }), 'createChannel');
    await eve.client.shutdown();
    eve.wire.stop();
  }],

  ['reconnect after a cut, nothing lost', async (p) => {
    const before = p.bob.heard.length;
    p.bob.wire.close();
    const texts = numbers(100, 110);
    for (const text of texts) await p.room.sendMessage(text);
    await p.room.updateAttributes({ floor: 3 });
    const fresh = await p.ann.client.createChannel({ friendlyName: 'Made meanwhile', isPrivate: true });
    await fresh.join();
    await fresh.add(p.ids.bob);
    p.bob.wire.reopen();
    await hears(p.bob, 'messageAdded', (m) => m.body === texts.at(-1));
    await hears(p.bob, 'channelJoined', (c) => c.sid === fresh.sid);
    await until(() => p.bobs.attributes.floor === 3, 'the change meanwhile');
    await p.room.sendMessage('live again');
    await hears(p.bob, 'messageAdded', (m) => m.body === 'live again');
    const got = p.bob.heard.slice(before).filter(([n, m]) => n === 'messageAdded' && m.channel.sid === p.room.sid).map(([, m]) => m.body);
    same(got, [...texts, 'live again'], 'messages, each once and in order');
    await within(p.bobs.sendMessage('from the other side'), 'sendMessage');
    await hears(p.ann, 'messageAdded', (m) => m.body === 'from the other side');
  }],

  ['messages from REST', async (p) => {
    await rest('POST', `/Services/${p.service}/Channels/${p.room.sid}/Messages`, { Body: 'from REST', From: 'system', Attributes: '{"by":"rest"}' });
    const m = await hears(p.bob, 'messageAdded', (x) => x.body === 'from REST');
    same([m.author, m.attributes], ['system', { by: 'rest' }], 'message');
  }],

  ['a webhook changes and refuses messages', async (p) => {
    const asked = [];
    const receiver = http.createServer((request, answer) => {
      let text = '';
      request.on('data', (part) => (text += part));
      request.on('end', () => {
        const form = new URLSearchParams(text);
        asked.push([form.get('EventType'), form.get('ClientIdentity'), form.get('Body')].join(' '));
        const body = form.get('Body');
        answer.writeHead(body === 'forbidden' ? 403 : 200, { 'Content-Type': 'application/json' });
        answer.end(body === 'my secret' ? '{"body":"***"}' : '');
      });
    });
    await new Promise((done) => receiver.listen(0, '127.0.0.1', done));
    const { sid } = await rest('POST', '/Services', { FriendlyName: 'Asked before' });
    await rest('POST', `/Services/${sid}`, { PreWebhookUrl: `http://127.0.0.1:${receiver.address().port}/before`, WebhookFilters: 'onMessageSend' });
    const me = `gil-${p.version}`;
    const gil = await connect(p.version, me, sid);
    const room = await gil.client.createChannel({ isPrivate: true });
    await room.join();
    await until(() => room.status === 'joined', 'joined');
    await within(room.sendMessage('my secret'), 'sendMessage');
    await refused(room.sendMessage('forbidden'), 'a message that the webhook refuses');
    await within(room.sendMessage('good bye'), 'sendMessage');
    same(bodies((await room.getMessages()).items), ['***', 'good bye'], 'messages');
    same(asked, ['my secret', 'forbidden', 'good bye'].map((text) => `onMessageSend ${me} ${text}`), 'questions');
    await gil.client.shutdown();
    gil.wire.stop();
    receiver.close();
  }],

  ['send a file', async (p) => {
    const bytes = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
    const before = p.bob.heard.length;
    await within(p.room.sendMessage({ contentType: 'image/png', media: bytes }, { kind: 'photo' }), 'sendMessage');
    const m = await until(() => p.bob.heard.slice(before).find(([n, x]) => n === 'messageAdded' && x.type === 'media')?.[1], 'the file');
    same([m.media.contentType, m.media.size, m.author, m.attributes], ['image/png', bytes.length, p.ids.ann, { kind: 'photo' }], 'file');
    // The older ones have another name for it.
    const url = await within(m.media.getContentTemporaryUrl?.() ?? m.media.getContentUrl(), 'getContentTemporaryUrl');
    const got = await fetch(url);
    same([got.status, got.headers.get('content-type'), Buffer.from(await got.arrayBuffer()).toString('hex')], [200, 'image/png', bytes.toString('hex')], 'bytes');
    await within((await p.room.getMessages(1)).items[0].remove(), 'remove');
    same((await fetch(url)).status, 404, 'the file of a message that was deleted');
  }],

  ['leave a channel', async (p) => {
    await within(p.bobs.leave(), 'leave');
    await hears(p.ann, 'memberLeft', (m) => m.identity === p.ids.bob && m.channel.sid === p.room.sid);
    await hears(p.bob, 'channelRemoved', (c) => c.sid === p.room.sid);
  }],

  ['destroy a channel', async (p) => {
    await within(p.room.delete(), 'delete');
    await hears(p.ann, 'channelRemoved', (c) => c.sid === p.room.sid);
    await refused(p.ann.client.getChannelBySid(p.room.sid), "a destroyed channel");
  }],

  ['shut down', async (p) => {
    for (const who of [p.ann, p.bob, p.cid]) {
      await within(who.client.shutdown(), 'shutdown');
      who.wire.stop();
    }
  }],
];
