// Files with the npm package twilio: it has no operations for the file store, so the upload is plain HTTP, as its documentation shows.
import assert from 'node:assert/strict';
import test from 'node:test';
import twilio from 'twilio';

const { USHER_URL: url, USHER_ACCOUNT_SID: account, USHER_AUTH_TOKEN: token } = process.env;

test('a file is uploaded, sent and read', { skip: !url }, async () => {
  const client = twilio(account, token, { accountSid: account });
  client.chat.baseUrl = `${url}/chat`;
  const service = client.chat.v2.services((await client.chat.v2.services.create({ friendlyName: 'Files' })).sid);
  const { serviceSid, sid } = await service.channels.create({ type: 'private' });
  const store = `${url}/mcs/v1/Services/${serviceSid}/Media`;
  const Authorization = `Basic ${Buffer.from(`${account}:${token}`).toString('base64')}`;
  const bytes = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

  // As a form with a file, the other way that the store takes.
  const form = new FormData();
  form.append('file', new Blob([bytes], { type: 'image/png' }), 'cat.png');
  const answer = await fetch(store, { method: 'POST', headers: { Authorization }, body: form });
  const file = await answer.json();
  assert.deepEqual([answer.status, file.size, file.content_type, file.filename], [201, bytes.length, 'image/png', 'cat.png']);

  const message = await service.channels(sid).messages.create({ from: 'ann', mediaSid: file.sid });
  assert.equal(message.type, 'media');
  assert.deepEqual([message.media.sid, message.media.filename, message.media.content_type, message.media.size], [file.sid, 'cat.png', 'image/png', bytes.length]);
  await assert.rejects(service.channels(sid).messages.create({ mediaSid: file.sid }), (e) => e.status === 409 && e.code === 50508);

  const read = await (await fetch(`${store}/${file.sid}`, { headers: { Authorization } })).json();
  const got = await fetch(read.links.content_direct_temporary);
  assert.deepEqual([got.status, got.headers.get('content-type'), Buffer.from(await got.arrayBuffer()).toString('hex')], [200, 'image/png', bytes.toString('hex')]);
  assert.equal((await fetch(`${store}/${file.sid}/Content`)).status, 401);
  assert.ok(await service.remove());
});
