package golang

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	chat "github.com/twilio/twilio-go/rest/chat/v2"
)

// picture is the beginning of a PNG file.
const picture = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"

// mcs makes a request to the file store, for which the library has no operations: plain HTTP, as its documentation shows.
func mcs(t *testing.T, method, address, contentType, body string) (int, []byte, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if !strings.Contains(address, "/Content/") { // a signed address needs nothing
		r.SetBasicAuth(account(), os.Getenv("USHER_AUTH_TOKEN"))
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, all, answer.Header
}

// TestMedia uploads a file, has the library send it, and reads it back by the address that is handed out.
func TestMedia(t *testing.T) {
	t.Parallel()
	api := connect(t).ChatV2
	service := *ok[*chat.ChatV2Service](t)(api.CreateService((&chat.CreateServiceParams{}).SetFriendlyName("Files"))).Sid
	channel := *ok[*chat.ChatV2Channel](t)(api.CreateChannel(service, &chat.CreateChannelParams{})).Sid
	store := os.Getenv("USHER_URL") + "/mcs/v1/Services/" + service + "/Media"

	status, body, _ := mcs(t, http.MethodPost, store, "image/png", picture)
	var file struct {
		SID   string `json:"sid"`
		Size  int    `json:"size"`
		Links struct {
			Content string `json:"content_direct_temporary"`
		} `json:"links"`
	}
	if err := json.Unmarshal(body, &file); err != nil || status != http.StatusCreated || file.Size != len(picture) {
		t.Fatalf("upload: %d %s %v", status, body, err)
	}
	m := ok[*chat.ChatV2Message](t)(api.CreateMessage(service, channel, (&chat.CreateMessageParams{}).SetMediaSid(file.SID).SetFrom("ann")))
	m = ok[*chat.ChatV2Message](t)(api.FetchMessage(service, channel, *m.Sid))
	equal(t, "type", m.Type, "media")
	media, _ := json.Marshal(m.Media)
	for _, want := range []string{`"sid":"` + file.SID + `"`, `"content_type":"image/png"`, `"size":16`} {
		if !strings.Contains(string(media), want) {
			t.Errorf("media %s lacks %s", media, want)
		}
	}
	_, err := api.CreateMessage(service, channel, (&chat.CreateMessageParams{}).SetMediaSid(file.SID))
	refused(t, err, 409, 50508)
	_, err = api.CreateMessage(service, channel, (&chat.CreateMessageParams{}).SetMediaSid("ME0123456789abcdef0123456789abcdef"))
	refused(t, err, 404, 50507)

	if status, body, _ = mcs(t, http.MethodGet, store+"/"+file.SID, "", ""); status != http.StatusOK || json.Unmarshal(body, &file) != nil {
		t.Fatalf("description: %d %s", status, body)
	}
	for _, address := range []string{file.Links.Content, store + "/" + file.SID + "/Content"} {
		status, body, header := mcs(t, http.MethodGet, address, "", "")
		if status != http.StatusOK || string(body) != picture || header.Get("Content-Type") != "image/png" {
			t.Errorf("content: %d %d bytes %v", status, len(body), header)
		}
	}
	done(t, api.DeleteMessage(service, channel, *m.Sid, &chat.DeleteMessageParams{}))
	if status, _, _ := mcs(t, http.MethodGet, file.Links.Content, "", ""); status != http.StatusNotFound {
		t.Errorf("the file of a message that was deleted: %d", status)
	}
}
