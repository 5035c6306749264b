// Package twilsock is the wire of the Programmable Chat SDKs (twilio-chat 3.2 to 6.0): one WebSocket at /v3/wsconnect, through
// which they send requests as if by HTTP and hear of changes.
//
//	frame.go       what a frame is
//	conn.go        init, update, close: who the client is, and for how long
//	call.go        requests, and the table that says which operation answers them
//	sync.go        reading objects: documents, lists and maps
//	subscribe.go   following objects
//	client.go      the client API of 5 and 6; another version of it is one more line in call.go
//	session.go     the session of 3 and 4, through which they give commands (command.go)
//	descriptor.go  what 3 and 4 read beside the objects
//
// Objects are views, not a store. The document of a channel, the list of its messages and the map of its members are read
// from the rows of package chat, and what happens to them are the events of the channel's stream in the shape that clients
// know. The same holds for a user's name and for the map of its channels, with the user's stream. The numbers of events are
// the offsets of the stream, so a client that comes back says where it stopped, and gets what it missed from the log. Where
// the log does not reach so far back, the object is told anew as it is.
//
// What an identity may do is decided by package chat, as everywhere. A client may follow what it may read: a channel's
// document if it is a member or invited, if it made the channel, or if the channel is public; messages and members as a
// member; its own channels; and people with whom it shares a channel. A subscription whose right ends rests, and goes on if
// the right comes back, because clients do not ask again.
package twilsock
