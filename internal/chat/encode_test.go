package chat

import (
	"encoding/json"
	"testing"
	"time"

	"usher/internal/db"
	"usher/internal/sid"

	"github.com/google/go-cmp/cmp"
)

func TestMessage_payloadIsItsData(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 10, 0, 0, 7_000_000, time.UTC)
	full := Message{
		Row: db.Row{SID: sid.New(sid.Message), CreatedAt: at, UpdatedAt: at.Add(time.Second)},
		MessageDoc: MessageDoc{
			Author: `a"d\a`, MemberSID: sid.New(sid.Member), Body: "line\nline\ttab\r\x00\x1f <&> \u2028\u2029 é 😀", Attributes: json.RawMessage(`{"a":[1]}`),
			LastUpdatedBy: "bob", WasEdited: true, ClientID: "c-1",
		},
		ChannelSID: sid.New(sid.Channel), Index: 12,
	}
	name := "cat \"1\" <&>.png"
	file := full
	file.Media = &Media{SID: sid.New(sid.Media), Filename: &name, ContentType: "image/png", Size: 1 << 40}
	for name, m := range map[string]Message{
		"full": full, "file": file, "file without a name": {MessageDoc: MessageDoc{Attributes: json.RawMessage(`{}`), Media: &Media{}}}, "least": {MessageDoc: MessageDoc{Attributes: json.RawMessage(`{}`)}},
	} {
		checkPayload(t, name, &m)
	}
}

func checkPayload(t *testing.T, name string, m *Message) {
	t.Helper()
	wanted, err := json.Marshal(m.Data())
	if err != nil {
		t.Fatal(err)
	}
	var want, got map[string]any
	if err := json.Unmarshal(wanted, &want); err != nil {
		t.Fatal(err)
	}
	text := m.Payload()
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}
