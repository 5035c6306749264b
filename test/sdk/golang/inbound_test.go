package golang

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"
)

// own calls an operation that is not the original's and reads its answer.
func own(t *testing.T, method, path string, form url.Values, answer any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, os.Getenv("USHER_URL")+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(account(), os.Getenv("USHER_AUTH_TOKEN"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode > 299 || json.Unmarshal(body, answer) != nil {
		t.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, body, err)
	}
}

// TestInbound has a customer write to a number whose webhook the library's validator checks and whose TwiML makes the answer; the
// callback hears how far it comes, in order.
func TestInbound(t *testing.T) {
	t.Parallel()
	c := connect(t)
	const number, phone = "+15005550310", "+15005550311"
	validator := client.NewRequestValidator(os.Getenv("USHER_AUTH_TOKEN"))
	heard, address := &told{}, ""
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		params := map[string]string{}
		for name := range r.PostForm {
			params[name] = r.PostForm.Get(name)
		}
		if !validator.Validate(address+r.URL.String(), params, r.Header.Get("X-Twilio-Signature")) {
			t.Errorf("the signature of %v is not valid", params)
		}
		switch r.URL.Path {
		case "/down":
			w.WriteHeader(http.StatusInternalServerError)
		case "/sms":
			w.Header().Set("Content-Type", "text/xml")
			fmt.Fprintf(w, `<Response><Message statusCallback="/status">You said %s (%s)</Message></Response>`, params["Body"], params["ErrorCode"])
		default:
			heard.add(params["MessageStatus"])
		}
	}))
	t.Cleanup(receiver.Close)
	address = receiver.URL

	var connection struct{ SID string }
	own(t, http.MethodPost, "/carriers/v1/Connections", url.Values{"Kind": {"sandbox"}, "FriendlyName": {"Go"}, "Addresses": {`["` + number + `"]`}}, &connection)
	numbers := ok[[]api.ApiV2010IncomingPhoneNumber](t)(c.Api.ListIncomingPhoneNumber((&api.ListIncomingPhoneNumberParams{}).SetPhoneNumber(number)))
	if len(numbers) != 1 {
		t.Fatalf("%d numbers: a connection writes down what it carries", len(numbers))
	}
	ok[*api.ApiV2010IncomingPhoneNumber](t)(c.Api.UpdateIncomingPhoneNumber(*numbers[0].Sid, (&api.UpdateIncomingPhoneNumberParams{}).
		SetSmsUrl(address+"/down").SetSmsFallbackUrl(address+"/sms?from=fallback")))
	write := func(body string) {
		var written struct{ ID string }
		own(t, http.MethodPost, "/carriers/v1/Connections/"+connection.SID+"/Phones/"+url.PathEscape(phone)+"/Messages", url.Values{"Body": {body}, "To": {number}}, &written)
	}
	answers := func() (all []string) {
		for _, m := range ok[[]api.ApiV2010Message](t)(c.Api.ListMessage((&api.ListMessageParams{}).SetFrom(number).SetTo(phone))) {
			all = append(all, *m.Body+" "+*m.Status+" "+*m.Direction)
		}
		return all
	}
	write("hello")
	eventually(t, "the answer arrives", func() bool { return fmt.Sprint(answers()) == "[You said hello (11200) delivered outbound-reply]" })
	eventually(t, "the callback is told", func() bool { return strings.HasSuffix(heard.String(), "delivered") })
	if got := heard.String(); got != "sending, sent, delivered" && got != "sending, delivered" {
		t.Errorf("the callback heard: %s", got)
	}
	came := ok[[]api.ApiV2010Message](t)(c.Api.ListMessage((&api.ListMessageParams{}).SetFrom(phone)))
	if len(came) != 1 || *came[0].Status != "received" || *came[0].Direction != "inbound" || *came[0].Body != "hello" {
		t.Errorf("%d messages came", len(came))
	}
	write("STOP")
	eventually(t, "who has opted out gets the confirmation alone", func() bool { return len(answers()) == 2 && strings.Contains(answers()[0], "START") })
	_, err := c.Api.CreateMessage((&api.CreateMessageParams{}).SetFrom(number).SetTo(phone).SetBody("x"))
	refused(t, err, 400, 21610)
	write("START")
	eventually(t, "who is back is answered", func() bool { return len(answers()) == 4 })
	equal(t, "body", ok[*api.ApiV2010Message](t)(c.Api.UpdateMessage(*came[0].Sid, (&api.UpdateMessageParams{}).SetBody(""))).Body, "")
}
