package smpp

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"usher/internal/connector/smpp/pdu"
	"usher/internal/messaging/carry"
	"usher/internal/segment"
)

// setKey says which parts belong together.
type setKey struct {
	source, dest pdu.Address
	ref          uint16
	wide         bool
	total        uint8
}

// set is a long message that is not whole yet. Its parts belong to the carrier: none of them has been answered with success.
type set struct {
	parts []piece
	have  int
	bytes int
	first time.Time // when the first part came
	birth int       // counts the sets of a lane
	tried time.Time // when it was last tried to keep what there is
}

// piece is one part of a set.
type piece struct {
	part   segment.Part
	coding segment.Coding
	there  bool
	wait   []delivery // what is to be answered for it
	since  time.Time  // when the first of those came
}

// whole is what a kept message was made of, for parts that come again.
type whole struct {
	parts [][32]byte // zero for one that was missing
	at    time.Time
}

// gap stands for a part that never came.
const gap = " […] "

// add puts a part to its set, and keeps the message when that is whole.
func (ln *lane) add(d delivery, c segment.Concat, p piece, now time.Time) {
	key := setKey{d.m.Source, d.m.Dest, c.Ref, c.Wide, c.Total}
	at := int(c.Part) - 1
	if w := ln.finished[key]; w != nil && w.parts[at] == sha256.Sum256(p.part.Data) {
		d.answer(pdu.OK)
		return
	}
	s := ln.sets[key]
	if s != nil && s.parts[at].there && !bytes.Equal(s.parts[at].part.Data, p.part.Data) {
		if !ln.finish(key, s, now) { // another message under the same reference: the old one is over
			d.answer(pdu.Temporary)
			return
		}
		s = nil
	}
	if s == nil {
		if s = ln.begin(key, now); s == nil {
			d.answer(pdu.QueueFull)
			return
		}
	}
	q := &s.parts[at]
	if !q.there {
		if ln.bytes+len(p.part.Data) > laneBytes {
			d.answer(pdu.QueueFull)
			return
		}
		*q = p
		q.there = true
		s.have++
		s.bytes += len(p.part.Data)
		ln.bytes += len(p.part.Data)
	}
	if len(q.wait) == 0 {
		q.since = now
	}
	if q.wait = append(q.wait, d); len(q.wait) > 4 {
		q.wait[0].answer(pdu.Temporary)
		q.wait = q.wait[1:]
	}
	if s.have == len(s.parts) {
		ln.finish(key, s, now)
	}
}

// begin makes room for a set, nil when there is none.
func (ln *lane) begin(key setKey, now time.Time) *set {
	count, oldest := 0, setKey{}
	for k, s := range ln.sets {
		if k.source == key.source {
			if count++; count == 1 || s.birth < ln.sets[oldest].birth {
				oldest = k
			}
		}
	}
	if count >= senderSets && !ln.finish(oldest, ln.sets[oldest], now) {
		return nil
	}
	if len(ln.sets) >= laneSets {
		return nil
	}
	ln.births++
	s := &set{parts: make([]piece, key.total), first: now, birth: ln.births}
	ln.sets[key] = s
	return s
}

// finish keeps what there is of a message and answers its parts. When it cannot be kept, they stay, and the carrier is asked to come again.
func (ln *lane) finish(key setKey, s *set, now time.Time) bool {
	s.tried = now
	w := &whole{parts: make([][32]byte, len(s.parts)), at: now}
	id := hmac.New(sha256.New, ln.in.c.idKey)
	for i, p := range s.parts {
		if p.there {
			w.parts[i] = sha256.Sum256(p.part.Data)
		}
		id.Write(w.parts[i][:])
	}
	id.Write([]byte(key.source.Number + "\x00" + key.dest.Number + "\x00"))
	id.Write([]byte{byte(key.ref >> 8), byte(key.ref), key.total})
	// A carrier that always uses one reference may well send the same text again another day.
	id.Write(binary.BigEndian.AppendUint64(nil, uint64(s.first.Unix()/(6*3600))))
	m := carry.Inbound{
		ID:   "p:" + hex.EncodeToString(id.Sum(nil)[:16]),
		From: ln.in.c.inward(key.source), To: ln.in.c.inward(key.dest), Body: join(s.parts), Segments: s.have,
	}
	kept := ln.keep(m)
	status := pdu.OK
	if !kept {
		status = pdu.Temporary
	}
	for i := range s.parts {
		for _, d := range s.parts[i].wait {
			d.answer(status)
		}
		s.parts[i].wait = nil
	}
	if kept {
		delete(ln.sets, key)
		ln.bytes -= s.bytes
		if len(ln.finished) >= echoMost {
			clear(ln.finished)
		}
		ln.finished[key] = w
	}
	return kept
}

// join reads the parts: neighbours of one coding together, so that a character between them is whole.
func join(parts []piece) string {
	var b strings.Builder
	for i := 0; i < len(parts); {
		j := i
		for j < len(parts) && parts[j].there == parts[i].there && parts[j].coding == parts[i].coding {
			j++
		}
		if !parts[i].there {
			b.WriteString(gap)
		} else {
			var same []segment.Part
			for _, p := range parts[i:j] {
				same = append(same, p.part)
			}
			text, _ := parts[i].coding.Decode(same...)
			b.WriteString(text)
		}
		i = j
	}
	return b.String()
}

// sweep lets the carrier go on whose parts have waited for long, and keeps what will not become whole.
func (ln *lane) sweep(now time.Time) {
	c := ln.in.c
	for key, s := range ln.sets {
		if now.Sub(s.first) >= c.wait && now.Sub(s.tried) >= keeping {
			ln.finish(key, s, now)
			continue
		}
		for i := range s.parts {
			p := &s.parts[i]
			if len(p.wait) > 0 && now.Sub(p.since) >= c.hold {
				for _, d := range p.wait {
					d.answer(pdu.Temporary)
				}
				p.wait = nil
			}
		}
	}
}

// fingerprint names a message by all that it says.
func fingerprint(m pdu.Message) [32]byte {
	return sha256.Sum256(m.AppendData(m.Append(nil))) // data_sm's form, since addresses are longer there
}
