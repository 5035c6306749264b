import type { Key } from '../i18n';

const known = new Set(['sms', 'whatsapp', 'facebook', 'line', 'custom']);

/** The channel of a task in words. */
export const channelLabel = (type: unknown): Key => (known.has(String(type)) ? (`channel.${String(type)}` as Key) : 'channel.web');
