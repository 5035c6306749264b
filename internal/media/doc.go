// Package media keeps the files that people send: pictures, sound, documents.
//
// A file is uploaded first and then carried by one message. Its row says whose it is; its bytes are sealed, under a key of its
// own that stands in the row's sealed document, and kept by package blob under the row's SID. The row's document is sealed
// under the uploader's data key and, once a message carries the file, under the channel's: erasing a contact makes its files
// unreadable wherever their bytes still are.
//
// States of a file: arriving → waiting → attached → removed (the row goes with the bytes); arriving and waiting → removed when nothing
// becomes of them. The row is committed before the first byte is kept and deleted after the last is gone, so there are never
// bytes of which no row knows: Sweep finds all by rows.
//
// What a file says of itself is not believed. Its type is found by looking at its first bytes; only pictures, sound and video of
// known kinds are ever shown in place, everything else is handed out to be saved. Pictures are measured before they are decoded.
package media
