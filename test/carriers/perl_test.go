package carriers

import (
	"fmt"
	"os/exec"
	"testing"

	"usher/internal/messaging/carry"
)

// What was submitted comes back from the recipient, and a receipt in optional parameters whose decimal ID was hexadecimal in the answer. The
// carrier hangs up once in the middle of a long message.
func TestPerl(t *testing.T) {
	if exec.Command("perl", "-MNet::SMPP", "-e", "1").Run() != nil {
		leaveOut(t, "Perl's Net::SMPP")
	}
	for _, long := range []string{"udh", "payload"} {
		t.Run(long, func(t *testing.T) {
			p := start(t, "perl", "smsc.pl")
			c, k := bind(t, p.port, map[string]string{"receipt_id": "decimal", "long": long})
			texts := []string{"Hello, carrier", wide, longWide}
			for i, text := range texts {
				sent, _, err := persist(t.Context(), c, message(fmt.Sprint("SM", i), text))
				if err != nil {
					t.Fatal(err)
				}
				if s := p.until("message", nil); s.Text != text || s.To != "15550002" {
					t.Errorf("the carrier has heard %+v", s)
				}
				for _, id := range sent.IDs {
					k.receipt(t, id, carry.Delivered)
				}
				eventually(t, "the text comes back", func() bool { return k.bodies()[text] == 1 })
			}
			away := message("SM9", "to somebody who is away")
			away.To = "+15550009"
			sent, _, err := persist(t.Context(), c, away)
			if err != nil {
				t.Fatal(err)
			}
			if r := k.receipt(t, sent.IDs[0], carry.Undelivered); r.Code != 30003 || r.Reason != "UNDELIV, error 27" {
				t.Errorf("%+v", r)
			}
			if m := k.messages[0]; m.From != "+15550002" || m.To != "+15550001" || len(k.messages) < 3 {
				t.Errorf("%+v", k.messages)
			}
		})
	}
}
