package segment_test

import (
	"bytes"
	"errors"
	"testing"

	"usher/internal/segment"
)

func TestCut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		octets string
		concat *segment.Concat
		data   string
	}{
		{"eight bits", "050003 cc 02 01 41", &segment.Concat{Ref: 0xcc, Total: 2, Part: 1}, "A"},
		{"sixteen bits", "060804 abcd 03 03 4142", &segment.Concat{Ref: 0xabcd, Wide: true, Total: 3, Part: 3}, "AB"},
		{"ports before it", "0b 0504 23f0 0000 0003 01 02 02 41", &segment.Concat{Ref: 1, Total: 2, Part: 2}, "A"},
		{"something else", "04 7002 aabb 41", nil, "A"},
		{"nothing in it", "00 41", nil, "A"},
		{"one of one", "050003 cc 01 01 41", nil, "A"},
		{"the last counts", "0a 0003 01 02 01 0003 02 02 02 41", &segment.Concat{Ref: 2, Total: 2, Part: 2}, "A"},
		{"no text", "050003 cc 02 01", &segment.Concat{Ref: 0xcc, Total: 2, Part: 1}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, c, err := segment.Cut(octets(t, tt.octets))
			if err != nil {
				t.Fatal(err)
			}
			if (c == nil) != (tt.concat == nil) || c != nil && *c != *tt.concat {
				t.Errorf("%+v, want %+v", c, tt.concat)
			}
			if string(p.Data) != tt.data {
				t.Errorf("text %q, want %q", p.Data, tt.data)
			}
		})
	}
}

func TestCut_refuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":                   "",
		"longer than the message":   "05 0003 cc02",
		"an element without length": "01 00",
		"an element too long":       "05 0004 cc 02 01",
		"concatenation too short":   "04 0002 cc02 41",
		"wide concatenation short":  "05 0803 cc0201",
		"part zero":                 "050003 cc 02 00 41",
		"part beyond the total":     "050003 cc 02 03 41",
		"of none":                   "050003 cc 00 00 41",
	} {
		if _, _, err := segment.Cut(octets(t, text)); !errors.Is(err, segment.ErrHeader) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConcat_bytes(t *testing.T) {
	t.Parallel()
	for _, c := range []segment.Concat{{Ref: 255, Total: 255, Part: 1}, {Ref: 65535, Wide: true, Total: 2, Part: 2}} {
		p, got, err := segment.Cut(append(c.Bytes(), 'x'))
		if err != nil || *got != c || string(p.Data) != "x" {
			t.Errorf("%+v comes back as %+v, %v", c, got, err)
		}
	}
	if (segment.Concat{Ref: 256, Total: 2, Part: 1}).Valid() {
		t.Error("a reference that eight bits do not hold")
	}
}

func FuzzCut(f *testing.F) {
	f.Add([]byte{5, 0, 3, 1, 2, 1, 'a'})
	f.Add([]byte{6, 8, 4, 1, 2, 2, 1, 'a'})
	f.Add([]byte{255, 0, 255})
	f.Fuzz(func(t *testing.T, octets []byte) {
		p, c, err := segment.Cut(octets)
		if err != nil {
			return
		}
		if !bytes.Equal(append(bytes.Clone(p.Header), p.Data...), octets) {
			t.Fatal("header and text are not the message")
		}
		if c != nil && (!c.Valid() || c.Total < 2) {
			t.Fatalf("%+v", c)
		}
	})
}
