package whatsapp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/messaging/carry"
)

func TestSend(t *testing.T) {
	for name, tc := range map[string]struct {
		out  carry.Outbound
		want string
	}{
		"text":   {carry.Outbound{Body: "hello"}, `"to":"15550100300","type":"text","text":{"body":"hello","preview_url":false}`},
		"link":   {carry.Outbound{Body: "see https://example.com"}, `"to":"15550100300","type":"text","text":{"body":"see https://example.com","preview_url":true}`},
		"hidden": {carry.Outbound{To: "whatsapp:US.9000000000000001", Body: "hello"}, `"recipient":"US.9000000000000001","type":"text","text":{"body":"hello","preview_url":false}`},
		"image": {
			carry.Outbound{Body: "look", Media: []carry.Media{{URL: "https://usher.example/m/1", ContentType: "image/png", Name: "a.png"}}},
			`"to":"15550100300","type":"image","image":{"link":"https://usher.example/m/1","caption":"look"}`,
		},
		"document": {
			carry.Outbound{Media: []carry.Media{{URL: "https://usher.example/m/1", Name: "a.pdf"}}},
			`"to":"15550100300","type":"document","document":{"link":"https://usher.example/m/1","filename":"a.pdf"}`,
		},
		"sound": {
			carry.Outbound{Media: []carry.Media{{URL: "https://usher.example/m/1", ContentType: "audio/ogg; codecs=opus"}}},
			`"to":"15550100300","type":"audio","audio":{"link":"https://usher.example/m/1"}`,
		},
		"sound with words": {
			carry.Outbound{Body: "hear", Media: []carry.Media{{URL: "https://usher.example/m/1", ContentType: "audio/ogg", Name: "a.ogg"}}},
			`"to":"15550100300","type":"document","document":{"link":"https://usher.example/m/1","caption":"hear","filename":"a.ogg"}`,
		},
		"upload": {
			carry.Outbound{Media: []carry.Media{{Data: []byte("film"), ContentType: "video/mp4"}}},
			`"to":"15550100300","type":"video","video":{"id":"up-1"}`,
		},
		"template": {
			carry.Outbound{Template: "order_ready", Language: "de", Variables: map[string]string{"1": "Ada", "2": "42", "10": "j", "3": "c", "4": "d", "5": "e", "6": "f", "7": "g", "8": "h", "9": "i"}},
			`"to":"15550100300","type":"template","template":{"name":"order_ready","language":{"code":"de"},"components":[{"type":"body","parameters":[` +
				`{"type":"text","text":"Ada"},{"type":"text","text":"42"},{"type":"text","text":"c"},{"type":"text","text":"d"},{"type":"text","text":"e"},{"type":"text","text":"f"},` +
				`{"type":"text","text":"g"},{"type":"text","text":"h"},{"type":"text","text":"i"},{"type":"text","text":"j"}]}]}`,
		},
		"template without variables": {carry.Outbound{Template: "hello"}, `"to":"15550100300","type":"template","template":{"name":"hello","language":{"code":"en_US"}}`},
		"template with names": {
			carry.Outbound{Template: "hello", Variables: map[string]string{"name": "Ada"}},
			`"to":"15550100300","type":"template","template":{"name":"hello","language":{"code":"en_US"},"components":[{"type":"body","parameters":[{"type":"text","parameter_name":"name","text":"Ada"}]}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got string
			c := connection(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost || r.Header.Get("Authorization") != "Bearer EAAtoken-of-the-number" {
					t.Errorf("%s without the token", r.Method)
				}
				if r.URL.Path == "/v25.0/100000000000001/media" {
					file, head, err := r.FormFile("file")
					if err != nil || r.FormValue("messaging_product") != "whatsapp" || r.FormValue("type") != "video/mp4" || head.Header.Get("Content-Type") != "video/mp4" {
						t.Errorf("the upload is %v, %v", r.Form, err)
						return
					}
					if data, _ := io.ReadAll(file); string(data) != "film" {
						t.Errorf("uploaded %q", data)
					}
					_, _ = io.WriteString(w, `{"id":"up-1"}`)
					return
				}
				if r.URL.Path != "/v25.0/100000000000001/messages" {
					t.Errorf("called %s", r.URL.Path)
				}
				body, _ := io.ReadAll(r.Body)
				got = string(body)
				taken(w, r)
			})
			tc.out.SID = "SM1"
			if tc.out.To == "" {
				tc.out.To = "whatsapp:+15550100300"
			}
			sent, err := c.Send(t.Context(), tc.out)
			if diff := cmp.Diff(carry.Sent{IDs: []string{"wamid.sent"}, Status: carry.Queued}, sent); err != nil || diff != "" {
				t.Errorf("%v %s", err, diff)
			}
			want := `{"messaging_product":"whatsapp","recipient_type":"individual",` + tc.want + `,"biz_opaque_callback_data":"SM1"}`
			if got != want {
				t.Errorf("sent\n%s, want\n%s", got, want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	c := connection(t, func(http.ResponseWriter, *http.Request) { t.Error("the carrier was asked") })
	picture := carry.Media{URL: "https://usher.example/m/1", ContentType: "image/png"}
	for name, tc := range map[string]struct {
		out  carry.Outbound
		code int
	}{
		"nothing":             {carry.Outbound{}, 21619},
		"long":                {carry.Outbound{Body: strings.Repeat("ä", 4097)}, 21617},
		"long caption":        {carry.Outbound{Body: strings.Repeat("ä", 1025), Media: []carry.Media{picture}}, 21617},
		"two files":           {carry.Outbound{Media: []carry.Media{picture, picture}}, 21623},
		"template with file":  {carry.Outbound{Template: "a", Media: []carry.Media{picture}}, 63030},
		"template with a gap": {carry.Outbound{Template: "a", Variables: map[string]string{"1": "a", "3": "c"}}, 63028},
		"SMS":                 {carry.Outbound{To: "+15550100300", Body: "a"}, 21211},
		"letters":             {carry.Outbound{To: "whatsapp:+1555abc", Body: "a"}, 21211},
	} {
		if tc.out.To == "" {
			tc.out.To = "whatsapp:+15550100300"
		}
		_, err := c.Send(t.Context(), tc.out)
		if refusal := (*carry.Refusal)(nil); !errors.As(err, &refusal) || refusal.Code != tc.code || refusal.Again {
			t.Errorf("%s: %v, want code %d", name, err, tc.code)
		}
	}
}

func TestCodes(t *testing.T) {
	for _, tc := range []struct {
		status, code, subcode int
		want                  carry.Refusal
	}{
		{400, 131047, 0, carry.Refusal{Code: 63016, Reason: "131047 more than 24 hours since the customer wrote", After: 3 * time.Second}},
		{401, 190, 463, carry.Refusal{Code: 63001, Reason: "190/463 the access token has expired", After: 3 * time.Second}},
		{400, 130429, 0, carry.Refusal{Code: 63018, Reason: "130429 too many messages a second", Again: true, After: 3 * time.Second}},
		{429, 131056, 0, carry.Refusal{Code: 63018, Reason: "131056 too many messages to this customer", Again: true, After: 3 * time.Second}},
		{404, 132001, 0, carry.Refusal{Code: 63027, Reason: "132001 there is no such template in this language", After: 3 * time.Second}},
		{500, 131016, 0, carry.Refusal{Code: 63012, Reason: "131016 the service is down for now", Again: true, After: 3 * time.Second}},
		{401, 0, 0, carry.Refusal{Code: 63001, Reason: "0 the access token is not valid", After: 3 * time.Second}},
		{400, 1, 0, carry.Refusal{Code: 63012, Reason: "1 unknown error of the API", After: 3 * time.Second}},
		{500, 3, 0, carry.Refusal{Code: 63001, Reason: "3 the access token lacks a permission", After: 3 * time.Second}},
		{400, 299, 0, carry.Refusal{Code: 63001, Reason: "299 the access token lacks a permission", After: 3 * time.Second}},
		{400, 999999, 0, carry.Refusal{Code: 63023, Reason: "999999 an error of WhatsApp's", After: 3 * time.Second}},
	} {
		c := connection(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(tc.status)
			fmt.Fprintf(w, `{"error":{"message":"(#%d) to +15550100300: hello","type":"OAuthException","code":%d,"error_subcode":%d,"error_data":{"messaging_product":"whatsapp","details":"hello"},"fbtrace_id":"A"}}`, tc.code, tc.code, tc.subcode)
		})
		_, err := c.Send(t.Context(), carry.Outbound{To: "whatsapp:+15550100300", Body: "hello"})
		refusal := (*carry.Refusal)(nil)
		if !errors.As(err, &refusal) {
			t.Fatalf("%d: %v", tc.code, err)
		}
		if diff := cmp.Diff(tc.want, *refusal); diff != "" {
			t.Errorf("%d: %s", tc.code, diff)
		}
	}
}

// TestDoubt says that an error which tells nothing, from a server that is in trouble, is no refusal.
func TestDoubt(t *testing.T) {
	for _, code := range []int{1, 999999} {
		c := connection(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprintf(w, `{"error":{"message":"An unknown error occurred","type":"OAuthException","code":%d}}`, code)
		})
		_, err := c.Send(t.Context(), carry.Outbound{To: "whatsapp:+15550100300", Body: "hello"})
		if refusal := (*carry.Refusal)(nil); err == nil || errors.As(err, &refusal) {
			t.Errorf("%d: %v", code, err)
		}
	}
}

// TestUploadFails says that a message whose file could not be uploaded was not sent, whatever became of the file.
func TestUploadFails(t *testing.T) {
	c := connection(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, err := c.Send(t.Context(), carry.Outbound{To: "whatsapp:+15550100300", Media: []carry.Media{{Data: []byte("a"), ContentType: "image/png"}}})
	if refusal := (*carry.Refusal)(nil); !errors.As(err, &refusal) || !refusal.Again {
		t.Errorf("%v", err)
	}
}

func FuzzReceive(f *testing.F) {
	for _, name := range []string{"text.json", "kinds.json", "statuses.json"} {
		f.Add(string(recordedFuzz(f, name)))
	}
	s := settings()
	s["base_url"] = "http://127.0.0.1:1"
	c, err := Kind.Open(s, depsNowhere)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := sign([]byte(body))
		r.At = r.At.Add(24 * time.Hour)
		u, err := c.(*Connection).Receive(t.Context(), r)
		if err != nil {
			return
		}
		for _, m := range u.Messages {
			if m.ID == "" || len(m.ID) > 255 || !strings.HasPrefix(m.From, prefix) {
				t.Errorf("a message that cannot be kept: %q %q", m.ID, m.From)
			}
			if _, err := json.Marshal(m); err != nil {
				t.Error(err)
			}
		}
	})
}
