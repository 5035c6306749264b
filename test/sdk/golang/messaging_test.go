package golang

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"
	messaging "github.com/twilio/twilio-go/rest/messaging/v1"
)

// TestMessages sends, lists, filters, redacts, deletes, schedules and cancels, and has the library's validator check the status
// callback.
func TestMessages(t *testing.T) {
	t.Parallel()
	c := connect(t)
	validator := client.NewRequestValidator(os.Getenv("USHER_AUTH_TOKEN"))
	heard, address := &told{}, ""
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
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
		heard.add(params["MessageSid"] + " " + params["MessageStatus"])
	}))
	t.Cleanup(receiver.Close)
	address = receiver.URL

	number := ok[*api.ApiV2010IncomingPhoneNumber](t)(c.Api.CreateIncomingPhoneNumber((&api.CreateIncomingPhoneNumberParams{}).SetPhoneNumber("+15005550210").SetFriendlyName("Go").SetSmsUrl(address)))
	equal(t, "phone_number", number.PhoneNumber, "+15005550210")
	number = ok[*api.ApiV2010IncomingPhoneNumber](t)(c.Api.UpdateIncomingPhoneNumber(*number.Sid, (&api.UpdateIncomingPhoneNumberParams{}).SetSmsMethod("GET").SetSmsUrl("")))
	equal(t, "sms_method", number.SmsMethod, "GET")
	_, err := c.Api.CreateIncomingPhoneNumber((&api.CreateIncomingPhoneNumberParams{}).SetPhoneNumber("+15005550210"))
	refused(t, err, 400, 21422)
	if list := ok[[]api.ApiV2010IncomingPhoneNumber](t)(c.Api.ListIncomingPhoneNumber((&api.ListIncomingPhoneNumberParams{}).SetPhoneNumber("+15005550210"))); len(list) != 1 {
		t.Errorf("%d numbers", len(list))
	}

	message := ok[*api.ApiV2010Message](t)(c.Api.CreateMessage((&api.CreateMessageParams{}).SetFrom("+15005550210").SetTo("+15005550211").
		SetBody(strings.Repeat("ä€", 40)).SetMediaUrl([]string{"https://example.org/a.png"})))
	equal(t, "status", message.Status, "queued")
	equal(t, "direction", message.Direction, "outbound-api")
	equal(t, "num_segments", message.NumSegments, "1")
	equal(t, "num_media", message.NumMedia, "1")
	files := ok[[]api.ApiV2010Media](t)(c.Api.ListMedia(*message.Sid, &api.ListMediaParams{}))
	if len(files) != 1 {
		t.Fatalf("%d files", len(files))
	}
	equal(t, "content_type", ok[*api.ApiV2010Media](t)(c.Api.FetchMedia(*message.Sid, *files[0].Sid, nil)).ContentType, "image/png")
	equal(t, "body", ok[*api.ApiV2010Message](t)(c.Api.FetchMessage(*message.Sid, nil)).Body, *message.Body)
	for range 2 {
		ok[*api.ApiV2010Message](t)(c.Api.CreateMessage((&api.CreateMessageParams{}).SetFrom("+15005550210").SetTo("+15005550212").SetBody("more")))
	}
	list := ok[[]api.ApiV2010Message](t)(c.Api.ListMessage((&api.ListMessageParams{}).SetFrom("+15005550210").SetTo("+15005550212").SetPageSize(1)))
	if len(list) != 2 || *list[0].DateCreated < *list[1].DateCreated && *list[0].Sid < *list[1].Sid {
		t.Errorf("%d messages", len(list))
	}
	if list := ok[[]api.ApiV2010Message](t)(c.Api.ListMessage((&api.ListMessageParams{}).SetFrom("+15005550210").SetDateSentAfter(time.Now().Add(time.Hour)))); len(list) != 0 {
		t.Errorf("%d messages of the future", len(list))
	}
	_, err = c.Api.CreateMessage((&api.CreateMessageParams{}).SetFrom("+15005550210").SetTo("+15").SetBody("x"))
	refused(t, err, 400, 21211)
	_, err = c.Api.CreateMessage((&api.CreateMessageParams{}).SetFrom("+15005559999").SetTo("+15005550211").SetBody("x"))
	refused(t, err, 400, 21606)
	_, err = c.Api.CreateMessage((&api.CreateMessageParams{}).SetFrom("+15005550210").SetTo("+15005550211").SetBody(strings.Repeat("x", 1601)))
	refused(t, err, 400, 21617)

	service := ok[*messaging.MessagingV1Service](t)(c.MessagingV1.CreateService((&messaging.CreateServiceParams{}).SetFriendlyName("Go").SetStatusCallback(address + "/status?of=service")))
	equal(t, "sticky_sender", service.StickySender, true)
	ok[*messaging.MessagingV1PhoneNumber](t)(c.MessagingV1.CreatePhoneNumber(*service.Sid, (&messaging.CreatePhoneNumberParams{}).SetPhoneNumberSid(*number.Sid)))
	_, err = c.MessagingV1.CreatePhoneNumber(*service.Sid, (&messaging.CreatePhoneNumberParams{}).SetPhoneNumberSid(*number.Sid))
	refused(t, err, 400, 21710)
	ok[*messaging.MessagingV1AlphaSender](t)(c.MessagingV1.CreateAlphaSender(*service.Sid, (&messaging.CreateAlphaSenderParams{}).SetAlphaSender("GOLANG")))
	later := (&api.CreateMessageParams{}).SetMessagingServiceSid(*service.Sid).SetTo("+15005550211").SetBody("later “soon”").SetScheduleType("fixed")
	_, err = c.Api.CreateMessage(later.SetSendAt(time.Now().Add(time.Minute)))
	refused(t, err, 400, 35114)
	scheduled := ok[*api.ApiV2010Message](t)(c.Api.CreateMessage(later.SetSendAt(time.Now().Add(time.Hour))))
	equal(t, "status", scheduled.Status, "scheduled")
	if scheduled.From != nil {
		t.Errorf("the sender is told before it is chosen: %s", *scheduled.From)
	}
	equal(t, "status", ok[*api.ApiV2010Message](t)(c.Api.UpdateMessage(*scheduled.Sid, (&api.UpdateMessageParams{}).SetStatus("canceled"))).Status, "canceled")
	_, err = c.Api.UpdateMessage(*scheduled.Sid, (&api.UpdateMessageParams{}).SetStatus("canceled"))
	refused(t, err, 400, 30409)
	eventually(t, "the callback is told", func() bool { return strings.Contains(heard.String(), *scheduled.Sid+" canceled") })
	equal(t, "body", ok[*api.ApiV2010Message](t)(c.Api.UpdateMessage(*scheduled.Sid, (&api.UpdateMessageParams{}).SetBody(""))).Body, "")
	done(t, c.Api.DeleteMessage(*scheduled.Sid, nil))
	_, err = c.Api.FetchMessage(*scheduled.Sid, nil)
	refused(t, err, 404, 20404)

	app := ok[*api.ApiV2010Application](t)(c.Api.CreateApplication((&api.CreateApplicationParams{}).SetFriendlyName("Go").SetSmsUrl(address)))
	equal(t, "sms_url", app.SmsUrl, address)
	done(t, c.Api.DeleteApplication(*app.Sid, nil))
	done(t, c.MessagingV1.DeletePhoneNumber(*service.Sid, *number.Sid))
	done(t, c.MessagingV1.DeleteService(*service.Sid))
	done(t, c.Api.DeleteIncomingPhoneNumber(*number.Sid, nil))
}
