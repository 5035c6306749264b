package line

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/line/line-bot-sdk-go/v8/linebot/messaging_api"
	"github.com/line/line-bot-sdk-go/v8/linebot/webhook"

	"usher/internal/messaging/carry"
)

// TestLibraryReads gives LINE's own library the webhooks of these tests: it takes the signature and finds in them what we find.
func TestLibraryReads(t *testing.T) {
	r := sign(recorded(t))
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(r.Body))
	req.Header = r.Header
	theirs, err := webhook.ParseRequest(secret, req)
	if err != nil {
		t.Fatal(err)
	}
	c := connection(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if !profile(w, r) {
			_, _ = io.WriteString(w, "bytes")
		}
	})
	ours, err := c.Receive(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]carry.Inbound{}
	for _, m := range ours.Messages {
		found[m.ID] = m
	}
	read := 0
	for _, e := range theirs.Events {
		switch e := e.(type) {
		case webhook.MessageEvent:
			if _, private := e.Source.(webhook.UserSource); !private || e.Mode != webhook.EventMode_ACTIVE {
				continue
			}
			read++
			switch m := e.Message.(type) {
			case webhook.TextMessageContent:
				if found[m.Id].Body != m.Text || found[m.Id].SentAt.UnixMilli() != e.Timestamp || found[m.Id].Details["RepliedMessageId"] != m.QuotedMessageId {
					t.Errorf("text %s", m.Id)
				}
			case webhook.ImageMessageContent:
				if len(found[m.Id].Media) != 1 {
					t.Errorf("image %s", m.Id)
				}
			case webhook.VideoMessageContent:
				if found[m.Id].Media[0].URL != m.ContentProvider.OriginalContentUrl {
					t.Errorf("video %s", m.Id)
				}
			case webhook.FileMessageContent:
				if found[m.Id].Media[0].Name != m.FileName {
					t.Errorf("file %s", m.Id)
				}
			case webhook.StickerMessageContent:
				if found[m.Id].Details["StickerId"] != m.StickerId || found[m.Id].Details["StickerPackageId"] != m.PackageId {
					t.Errorf("sticker %s", m.Id)
				}
			case webhook.LocationMessageContent:
				if found[m.Id].Details["Label"] != m.Title || found[m.Id].Details["Address"] != m.Address {
					t.Errorf("location %s", m.Id)
				}
			default:
				t.Errorf("a message of the type %T", m)
			}
		case webhook.PostbackEvent:
			read++
			if found[e.WebhookEventId].Details["ButtonPayload"] != e.Postback.Data {
				t.Errorf("postback %s", e.WebhookEventId)
			}
		}
	}
	if read != len(ours.Messages) {
		t.Errorf("the library finds %d messages, we %d", read, len(ours.Messages))
	}
}

// TestLibrarySends lets LINE's own library and ours send the same, and compares what comes to LINE.
func TestLibrarySends(t *testing.T) {
	type call struct {
		Line, Auth, Key, Type string
		Body                  map[string]any
	}
	var calls []call
	c := connection(t, nil, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var request messaging_api.PushMessageRequest
		if err := json.Unmarshal(body, &request); err != nil {
			t.Errorf("the library does not read %s: %v", body, err)
		}
		got := call{Line: r.Method + " " + r.URL.Path, Auth: r.Header.Get("Authorization"), Key: r.Header.Get("X-Line-Retry-Key")}
		if err := json.Unmarshal(body, &got.Body); err != nil {
			t.Error(err)
		}
		for _, name := range []string{"notificationDisabled", "customAggregationUnits"} { // which the library sends empty
			delete(got.Body, name)
		}
		calls = append(calls, got)
		w.Header().Set("Content-Type", "application/json")
		taken(w, r)
	})
	picture := "https://usher.example/m/1"
	ours, err := c.Send(t.Context(), carry.Outbound{
		SID: "SM0190a1b2c3d4e5f60718293a4b5c6d7e", To: "line:" + customer, Body: "look", Media: []carry.Media{{URL: picture, ContentType: "image/png"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	library, err := messaging_api.NewMessagingApiAPI(settings()["channel_access_token"], messaging_api.WithEndpoint(c.base))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := library.PushMessage(&messaging_api.PushMessageRequest{To: customer, Messages: []messaging_api.MessageInterface{
		messaging_api.TextMessage{Text: "look"}, messaging_api.ImageMessage{OriginalContentUrl: picture, PreviewImageUrl: picture},
	}}, "0190a1b2-c3d4-e5f6-0718-293a4b5c6d7e")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(calls[0], calls[1]); diff != "" {
		t.Errorf("we and the library send different things: %s", diff)
	}
	if ours.IDs[0] != theirs.SentMessages[0].Id {
		t.Errorf("we read %s, the library %s", ours.IDs[0], theirs.SentMessages[0].Id)
	}
}
