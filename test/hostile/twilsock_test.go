package hostile

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sdk is a connection to the socket of the chat libraries that sends what no library would.
type sdk struct{ *socket }

func (s *siege) openSDK(t *testing.T) sdk {
	t.Helper()
	conn := s.connect(t)
	t.Cleanup(func() { conn.Close() })
	k, err := upgradeAt(conn, "/v3/wsconnect")
	if err != nil {
		t.Fatal(err)
	}
	return sdk{k}
}

func sdkFrame(head, payload string) string {
	return "TWILSOCK V3.0 " + strconv.Itoa(len(head)) + "\r\n" + head + "\r\n" + payload
}

func (k sdk) send(t *testing.T, frame string) {
	t.Helper()
	_ = k.frame(0x80|binaryFrame, []byte(frame)) // the server may end it before all is written
}

// reply reads up to the reply to a frame, and answers its header and its payload; or the close code.
func (k sdk) reply(t *testing.T, id string) (head, body map[string]any, code int) {
	t.Helper()
	_ = k.SetDeadline(time.Now().Add(20 * time.Second))
	for {
		op, message, err := k.read()
		if err != nil {
			return nil, nil, 1
		}
		if op == closing {
			return nil, nil, int(message[0])<<8 | int(message[1])
		}
		_, rest, _ := strings.Cut(string(message), "\r\n")
		first, payload, _ := strings.Cut(rest, "\r\n")
		head, body = nil, nil
		if err := json.Unmarshal([]byte(first), &head); err != nil {
			t.Fatalf("the server sent %q", message)
		}
		_ = json.Unmarshal([]byte(payload), &body)
		if head["id"] == id && head["method"] == "reply" {
			return head, body, 0
		}
	}
}

// init signs in.
func (s *siege) init(t *testing.T, identity string) sdk {
	t.Helper()
	k := s.openSDK(t)
	k.send(t, sdkFrame(fmt.Sprintf(`{"method":"init","id":"i","token":%q}`, s.Token(identity, s.world["chat/Services"], time.Hour)), ""))
	head, _, code := k.reply(t, "i")
	if status, _ := head["status"].(map[string]any); code != 0 || status["code"] != 200.0 {
		t.Fatalf("init: %v, closed with %d", head, code)
	}
	return k
}

// sdkFrames sends what is no proper frame to the socket of the chat libraries, before and after init, and requests that are not its
// sender's to make.
func sdkFrames(t *testing.T, s *siege) {
	long := strings.Repeat("x", 17<<10)
	for name, frame := range map[string]string{
		"nothing": "", "not a frame": "GET / HTTP/1.1\r\n\r\n", "another version": "TWILSOCK V9.9 2\r\n{}\r\n",
		"cut in the preamble": "TWILSOCK V3", "cut in the length": "TWILSOCK V3.0 1", "cut in the header": sdkFrame(`{"method":"init","token":"x"}`, "")[:30],
		"cut in the payload": sdkFrame(`{"method":"message","id":"x","payload_size":100}`, "{}"),
		"a length too short": "TWILSOCK V3.0 3\r\n{\"method\":\"init\"}\r\n", "a length too long": "TWILSOCK V3.0 9999\r\n{\"method\":\"init\"}\r\n",
		"a negative length": "TWILSOCK V3.0 -1\r\n{}\r\n", "a length beyond numbers": "TWILSOCK V3.0 99999999999999999999\r\n{}\r\n",
		"an over-long header": sdkFrame(`{"method":"init","id":"`+long+`"}`, ""), "a negative payload": sdkFrame(`{"method":"message","payload_size":-9}`, ""),
		"a payload beyond numbers":   sdkFrame(`{"method":"message","payload_size":99999999999999999999}`, ""),
		"a header that is no object": sdkFrame(`[]`, ""), "a header too deep": sdkFrame(`{"method":`+deep(8000)+`}`, ""),
		"a method that is no text": sdkFrame(`{"method":7}`, ""), "bad UTF-8": sdkFrame("{\"method\":\"\xff\xfe\x00\"", ""),
		"too large": strings.Repeat("x", 300<<10), "far too large": strings.Repeat("x", 2<<20),
	} {
		for _, signedIn := range []bool{false, true} {
			k := s.openSDK(t)
			if signedIn {
				k = s.init(t, "ann")
			}
			k.send(t, frame)
			if _, _, code := k.reply(t, "none"); !contains([]int{1, 1002, 1009}, code) {
				t.Errorf("%s (signed in: %v) closes with %d", name, signedIn, code)
			}
		}
	}
	k := s.init(t, "ann")
	mine := s.world["chat/Services/Channels"]
	for i, tt := range []struct {
		method, path, body string
		status             float64
	}{
		{"GET", "/nothing", "", 404},
		{"PATCH", "/v3/Documents/x", "", 404},
		{"GET", "/v3/Documents/../../x", "", 404},
		{"GET", "/v3/Lists/%00/Items", "", 404},
		{"POST", "/v4/Subscriptions", "", 400},
		{"POST", "/v4/Subscriptions", deep(9000), 400},
		{"POST", "/v4/Subscriptions", `{"action":"establish","requests":[` + strings.TrimSuffix(strings.Repeat(`{},`, 600), ",") + `]}`, 400},
		{"POST", "/v3/Lists/ES00000000000000000000000000000000/Items", `{"data":{}}`, 404},
		{"POST", "/Client/v1/Conversations/" + mine + "/Messages", `{"body":` + strconv.Quote(strings.Repeat("x", 40<<10)) + `}`, 400},
		{"POST", "/Client/v1/Conversations/" + mine + "/Messages", `{"attributes":"` + strings.Repeat("[", 100) + `"}`, 400},
		{"GET", "/Client/v1/Conversations/" + strings.ToLower(mine), "", 404},
		{"GET", "/" + strings.Repeat("x", 3000), "", 0},
	} {
		id := fmt.Sprint("q", i)
		head, _ := json.Marshal(map[string]any{
			"method": "message", "id": id, "payload_size": len(tt.body), "http_request": map[string]any{"method": tt.method, "path": tt.path, "host": "x\r\nEvil: yes"},
		})
		k.send(t, sdkFrame(string(head), tt.body))
		answer, _, code := k.reply(t, id)
		if code != 0 {
			t.Fatalf("%s %.60s closes with %d", tt.method, tt.path, code)
		}
		if http, _ := answer["http_status"].(map[string]any); tt.status != 0 && http["code"] != tt.status {
			t.Errorf("%s %.60s answers %v, want %v", tt.method, tt.path, answer, tt.status)
		}
	}
	foreignObjects(t, s)
	half := s.connect(t)
	defer half.Close()
	_, _ = io.WriteString(half, "GET /v3/wsconnect HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n")
	s.init(t, "ann")
}

// foreignObjects reads and follows what is somebody else's.
func foreignObjects(t *testing.T, s *siege) {
	k := s.init(t, "a stranger")
	digits := s.world["chat/Services/Channels"][2:]
	var wishes []string
	for _, prefix := range []string{"ET", "ES", "MP"} {
		wishes = append(wishes, fmt.Sprintf(`{"object_sid":%q,"object_type":"list","last_event_id":0}`, prefix+digits))
	}
	body := `{"action":"establish","correlation_id":7,"requests":[` + strings.Join(wishes, ",") + `]}`
	k.send(t, sdkFrame(fmt.Sprintf(`{"method":"message","id":"s","payload_size":%d,"http_request":{"method":"POST","path":"/v4/Subscriptions"}}`, len(body)), body))
	if _, _, code := k.reply(t, "s"); code != 0 {
		t.Fatalf("closed with %d", code)
	}
	failed := 0
	for failed < len(wishes) {
		_, message, err := k.read()
		if err != nil {
			t.Fatal(err)
		}
		text := string(message)
		if !strings.Contains(text, "subscription_failed") || !strings.Contains(text, `"status":404`) {
			t.Fatalf("a stranger hears %q", text)
		}
		failed++
	}
}
