// The signatures that internal/hook makes, checked by the library's own validator. They were written by its
// getExpectedTwilioSignature; a Go test beside the code makes them anew. No server is needed.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import twilio from 'twilio';

const vectors = JSON.parse(fs.readFileSync(new URL('../../../internal/hook/testdata/signatures.json', import.meta.url), 'utf8'));

for (const v of vectors) {
  test(`signature: ${v.name}`, () => {
    const valid = (url, signature) => v.body !== undefined
      ? twilio.validateRequestWithBody(v.token, signature, url, v.body)
      : twilio.validateRequest(v.token, signature, url, v.form);
    assert.ok(valid(v.sent, v.signature));
    assert.ok(!valid(`${v.sent}x`, v.signature));
    assert.ok(!valid(v.sent, v.signature.split('').reverse().join('')));
  });
}
