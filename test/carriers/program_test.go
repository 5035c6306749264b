package carriers

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"usher/test/rig"
)

// desk is the built program with a number that a carrier of SMPP carries.
type desk struct {
	*rig.Client
	t                   *testing.T
	service, workspace  string
	connection, channel string
}

func open(t *testing.T, s *rig.Server, p *peer) *desk {
	t.Helper()
	c := s.Client()
	d := &desk{Client: c, t: t}
	own := c.Get(t, "/flex-api/v1/Configuration")
	d.service, d.workspace = own.String("chat_service_instance_sid"), own.String("taskrouter_workspace_sid")
	c.Post(t, "/flex-api/v1/FlexFlows", "FriendlyName", "SMS", "ChatServiceSid", d.service, "ChannelType", "sms", "ContactIdentity", "+15550001",
		"IntegrationType", "task", "Integration.WorkspaceSid", d.workspace, "Integration.WorkflowSid", own.String("taskrouter_target_workflow_sid"),
		"Integration.Channel", "sms", "Enabled", "true")
	settings, err := json.Marshal(map[string]string{
		"address": fmt.Sprintf("127.0.0.1:%d", p.port), "system_id": "usher", "password": "secret", "enquire_seconds": "1",
	})
	if err != nil {
		t.Fatal(err)
	}
	d.connection = c.Post(t, "/carriers/v1/Connections", "Kind", "smpp", "FriendlyName", "Carrier", "Enabled", "true", "Settings", string(settings),
		"Addresses", `["+15550001"]`).SID()
	for p.until("bound", nil).Owner != "usher" {
	}
	return d
}

// said are the messages of the one channel: author and text.
func (d *desk) said() (list []string) {
	if d.channel == "" {
		channels, err := d.All(d.t.Context(), "/flex-api/v1/Channels?PageSize=50", "flex_chat_channels")
		if err != nil || len(channels) > 1 {
			d.t.Fatalf("%d channels, %v", len(channels), err)
		}
		if len(channels) == 0 {
			return nil
		}
		d.channel = rig.Text(channels[0], "sid")
	}
	rows, err := d.All(d.t.Context(), "/chat/v2/Services/"+d.service+"/Channels/"+d.channel+"/Messages?PageSize=100", "messages")
	if err != nil {
		d.t.Fatal(err)
	}
	for _, row := range rows {
		list = append(list, rig.Text(row, "from")+": "+rig.Text(row, "body"))
	}
	return list
}

func (d *desk) answer(body string) {
	d.Post(d.t, "/chat/v2/Services/"+d.service+"/Channels/"+d.channel+"/Messages", "Body", body, "From", "noa")
}

// Somebody writes by SMS: a chat and a task come of it, the agent's answer arrives, and its receipt moves the tick. Then the link is cut while both
// write, and nothing is lost.
func TestProgram(t *testing.T) {
	rig.EachDatabase(t, rig.Options{Env: []string{"USHER_ALLOW_NETWORKS=127.0.0.0/8"}}, func(t *testing.T, s *rig.Server) {
		p := start(t, "node", "smsc.mjs")
		p.do(map[string]any{"do": "mode", "mode": map[string]any{"receipts": "DELIVRD"}})
		d := open(t, s, p)
		number := map[string]any{"source_addr": "15550002", "destination_addr": "15550001"}
		customer := "+15550002: "
		p.do(map[string]any{"do": "deliver", "n": 1, "text": wide, "wide": true, "pdu": number})
		p.until("kept", nil)
		p.do(map[string]any{"do": "deliver", "n": 2, "text": longWide, "how": "udh", "wide": true, "pdu": number})
		p.until("kept", nil)
		want := []string{customer + wide, customer + longWide}
		if got := d.said(); !slices.Equal(got, want) {
			t.Errorf("what was acknowledged is not all there: %q", got)
		}
		eventually(t, "a task", func() bool {
			tasks, err := d.All(t.Context(), "/taskrouter/v1/Workspaces/"+d.workspace+"/Tasks?PageSize=50", "tasks")
			return err == nil && len(tasks) == 1
		})
		d.answer(longWide)
		if heard := p.until("message", nil); heard.Text != longWide || heard.From != "15550001" || heard.To != "15550002" {
			t.Errorf("the customer has %+v", heard)
		}
		d.delivered(1)

		heard := []string{}
		take := func(s said) {
			if s.Event == "message" {
				heard = append(heard, s.Text)
			}
		}
		for i := range 6 {
			p.do(map[string]any{"do": "deliver", "n": 10 + i, "text": fmt.Sprint("question ", i), "pdu": number})
			d.answer(fmt.Sprint("answer ", i))
			if i%2 == 1 {
				p.do(map[string]any{"do": "cut"})
			}
		}
		for kept := 0; kept < 6; kept++ {
			p.until("kept", take)
		}
		d.delivered(7)
		count := map[string]int{}
		for _, line := range d.said() {
			count[line]++
		}
		for i := range 6 {
			if count[customer+fmt.Sprint("question ", i)] != 1 {
				t.Errorf("question %d is there %d times", i, count[customer+fmt.Sprint("question ", i)])
			}
		}
		for len(slices.Compact(slices.Clone(heard))) < 6 {
			take(p.until("message", nil))
		}
		for i, text := range slices.Compact(heard) { // an answer whose acknowledgement was lost may have gone twice, one after the other
			if text != fmt.Sprint("answer ", i) {
				t.Errorf("the customer hears out of order: %q", heard)
				break
			}
		}
	})
}

// delivered waits until so many messages of the channel were delivered.
func (d *desk) delivered(n int) {
	d.t.Helper()
	eventually(d.t, fmt.Sprint(n, " messages are delivered"), func() bool {
		rows, err := d.All(d.t.Context(), "/carriers/v1/Channels/"+d.channel+"/Deliveries?PageSize=50", "deliveries")
		if err != nil {
			d.t.Fatal(err)
		}
		done := 0
		for _, row := range rows {
			if rig.Text(row, "status") == "delivered" {
				done++
			}
		}
		return done == n
	})
}
