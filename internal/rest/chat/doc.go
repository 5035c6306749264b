// Package chat is the REST form of conversations: version 2 of the chat API,
// at /chat/v2 and, as an older name of the same, /ip-messaging/v2.
//
// The header X-Twilio-Webhook-Enabled of writing requests is accepted. Shapes
// are facts of the wire that Usher is compatible with.
package chat
