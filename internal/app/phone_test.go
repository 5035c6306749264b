package app

import (
	"net/url"
	"slices"
	"testing"
	"time"
)

// phone is a phone on a screen: a number that writes to the account's.
type phone struct {
	s     *server
	t     *testing.T
	path  string
	token string
	since string
	heard []map[string]any // what it shows, the newest state of each message
}

func (s *server) phone(jwt, number string) *phone {
	list := s.must(200, "GET", "/carriers/v1/Connections", "token", jwt, nil)
	connection := text(s.t, list["connections"].([]any)[0].(map[string]any), "sid")
	return &phone{s: s, t: s.t, token: jwt, path: "/carriers/v1/Connections/" + connection + "/Phones/" + url.PathEscape(number) + "/Messages", since: "0"}
}

func (p *phone) write(body, id string) {
	p.t.Helper()
	p.s.must(201, "POST", p.path, "token", p.token, url.Values{"Body": {body}, "Id": {id}})
}

// until waits for a message that the account has sent and that is so far.
func (p *phone) until(body, status string) {
	p.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		a := p.s.must(200, "GET", p.path+"?Wait=5&Since="+p.since, "token", p.token, nil)
		p.since = text(p.t, a, "since")
		for _, m := range a["messages"].([]any) {
			row := m.(map[string]any)
			p.heard = slices.DeleteFunc(p.heard, func(old map[string]any) bool { return old["sid"] == row["sid"] })
			p.heard = append(p.heard, row)
		}
		for _, m := range p.heard {
			if m["body"] == body && m["status"] == status && m["inbound"] == false {
				return
			}
		}
	}
	p.t.Fatalf("the phone never showed %q as %s; it shows %v", body, status, p.heard)
}

func (p *phone) bodies() (list []string) {
	for _, m := range p.heard {
		list = append(list, m["body"].(string))
	}
	return list
}

func TestCarriers_aPhoneAndAnAgent(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		s := start(t, c)
		session := s.signIn()
		jwt, worker, workspace := text(t, session, "token"), text(t, session, "worker_sid"), text(t, session, "workspace_sid")
		house := "/taskrouter/v1/Workspaces/" + workspace
		activities := s.must(200, "GET", house+"/Activities?FriendlyName=Available", "token", jwt, nil)
		s.must(200, "POST", house+"/Workers/"+worker, "token", jwt, url.Values{"ActivitySid": {text(t, activities["activities"].([]any)[0].(map[string]any), "sid")}})
		agent := s.stream(jwt)
		subscribe(t, agent, worker)

		p := s.phone(jwt, "+15005550111")
		for range 5 { // a carrier that brings it again and again
			p.write("is anybody there?", "first")
		}
		offer := until(t, agent, "reservation.created", nil)
		reservation, task := offer["reservation"].(map[string]any), offer["task"].(map[string]any)
		attributes := task["attributes"].(map[string]any)
		channel := text(t, attributes, "channelSid")
		if attributes["channelType"] != "sms" || attributes["name"] != "+15005550111" {
			t.Errorf("task attributes %v", attributes)
		}
		s.must(200, "POST", house+"/Tasks/"+text(t, task, "sid")+"/Reservations/"+text(t, reservation, "sid"), "token", jwt, url.Values{"ReservationStatus": {"accepted"}})
		subscribe(t, agent, channel)
		if _, _, err := agent.Send(t.Context(), channel, "a", "how can I help?"); err != nil {
			t.Fatal(err)
		}
		p.until("how can I help?", "delivered")
		until(t, agent, "message.delivery", func(m map[string]any) bool { return m["status"] == "delivered" })
		p.write("my order", "second")
		until(t, agent, "message.added", func(m map[string]any) bool { return m["body"] == "my order" && m["author"] == "+15005550111" })
		for _, body := range []string{"one", "two", "three"} {
			if _, _, err := agent.Send(t.Context(), channel, body, body); err != nil {
				t.Fatal(err)
			}
		}
		p.until("three", "delivered")
		p.until("one", "delivered")
		p.until("two", "delivered")
		if n := len(p.heard); n != 6 {
			t.Errorf("the phone shows %d messages: %q", n, p.bodies())
		}
		list := s.must(200, "GET", "/carriers/v1/Channels/"+channel+"/Deliveries", "token", jwt, nil)["deliveries"].([]any)
		if len(list) != 4 || list[0].(map[string]any)["status"] != "delivered" {
			t.Errorf("deliveries %v", list)
		}
		health := s.must(200, "GET", p.path[:len("/carriers/v1/Connections/")+34]+"/Health", "token", jwt, nil)
		if health["status"] != "up" {
			t.Errorf("health %v", health)
		}
		s.stop()
	})
}
