package golang

import (
	"testing"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"
	proxy "github.com/twilio/twilio-go/rest/proxy/v1"
)

// TestProxy has a masked conversation made, used and ended as the library does it.
func TestProxy(t *testing.T) {
	t.Parallel()
	const ann, bob, number, spare = "+12125557101", "+12125557102", "+12125557901", "+12125557902"
	c := connect(t)
	own := func(address string) string {
		t.Helper()
		return *ok[*api.ApiV2010IncomingPhoneNumber](t)(c.Api.CreateIncomingPhoneNumber((&api.CreateIncomingPhoneNumberParams{}).SetPhoneNumber(address))).Sid
	}
	first, second := own(number), own(spare)

	p := c.ProxyV1
	made := ok[*proxy.ProxyV1Service](t)(p.CreateService((&proxy.CreateServiceParams{}).SetUniqueName("deliveries").SetDefaultTtl(3600).
		SetCallbackUrl("https://example.org/told").SetGeoMatchLevel("overlay").SetNumberSelectionBehavior("avoid-sticky")))
	service := *made.Sid
	equal(t, "geo_match_level", made.GeoMatchLevel, "overlay")
	_, err := p.CreateService((&proxy.CreateServiceParams{}).SetUniqueName("deliveries"))
	refused(t, err, 400, 80602)
	changed := ok[*proxy.ProxyV1Service](t)(p.UpdateService(service, (&proxy.UpdateServiceParams{}).SetNumberSelectionBehavior("prefer-sticky")))
	equal(t, "number_selection_behavior", changed.NumberSelectionBehavior, "prefer-sticky")
	if changed.DefaultTtl != 3600 {
		t.Errorf("default_ttl %d", changed.DefaultTtl)
	}

	pooled := ok[*proxy.ProxyV1PhoneNumber](t)(p.CreatePhoneNumber(service, (&proxy.CreatePhoneNumberParams{}).SetSid(first)))
	equal(t, "iso_country", pooled.IsoCountry, "US")
	equal(t, "phone_number", pooled.PhoneNumber, number)
	_, err = p.CreatePhoneNumber(service, (&proxy.CreatePhoneNumberParams{}).SetSid(first))
	refused(t, err, 400, 80104)
	ok[*proxy.ProxyV1PhoneNumber](t)(p.CreatePhoneNumber(service, (&proxy.CreatePhoneNumberParams{}).SetPhoneNumber(spare).SetIsReserved(true)))
	free := ok[*proxy.ProxyV1PhoneNumber](t)(p.UpdatePhoneNumber(service, second, (&proxy.UpdatePhoneNumberParams{}).SetIsReserved(true)))
	equal(t, "is_reserved", free.IsReserved, true)
	if list := ok[[]proxy.ProxyV1PhoneNumber](t)(p.ListPhoneNumber(service, (&proxy.ListPhoneNumberParams{}).SetPageSize(1))); len(list) != 2 {
		t.Errorf("%d numbers, one on a page", len(list))
	}

	begun := ok[*proxy.ProxyV1Session](t)(p.CreateSession(service, (&proxy.CreateSessionParams{}).SetUniqueName("order 17").SetMode("message-only").SetTtl(60).
		SetDateExpiry(time.Now().Add(24*time.Hour)).SetParticipants([]any{map[string]any{"Identifier": ann, "FriendlyName": "Ann"}})))
	session := *begun.Sid
	equal(t, "status", begun.Status, "open")
	if begun.Ttl != 60 || begun.DateExpiry == nil || begun.DateStarted != nil {
		t.Errorf("%+v", begun)
	}
	second2 := ok[*proxy.ProxyV1Participant](t)(p.CreateParticipant(service, session, (&proxy.CreateParticipantParams{}).SetIdentifier(bob).SetProxyIdentifier(spare)))
	equal(t, "proxy_identifier_sid", second2.ProxyIdentifierSid, second)
	_, err = p.CreateParticipant(service, session, (&proxy.CreateParticipantParams{}).SetIdentifier("+12125557103"))
	refused(t, err, 400, 80609)
	people := ok[[]proxy.ProxyV1Participant](t)(p.ListParticipant(service, session, &proxy.ListParticipantParams{}))
	if len(people) != 2 || *people[0].ProxyIdentifier != number || *people[0].FriendlyName != "Ann" {
		t.Fatalf("%d participants", len(people))
	}
	equal(t, "identifier", ok[*proxy.ProxyV1Participant](t)(p.FetchParticipant(service, session, *people[0].Sid)).Identifier, ann)

	said := ok[*proxy.ProxyV1MessageInteraction](t)(p.CreateMessageInteraction(service, session, *people[0].Sid,
		(&proxy.CreateMessageInteractionParams{}).SetBody("Your driver is near.")))
	equal(t, "data", said.Data, `{"body":"Your driver is near."}`)
	equal(t, "participant_sid", said.ParticipantSid, *people[0].Sid)
	message := ok[*api.ApiV2010Message](t)(c.Api.FetchMessage(*said.OutboundResourceSid, &api.FetchMessageParams{}))
	equal(t, "from", message.From, number)
	equal(t, "to", message.To, ann)
	ok[*proxy.ProxyV1MessageInteraction](t)(p.FetchMessageInteraction(service, session, *people[0].Sid, *said.Sid))
	if list := ok[[]proxy.ProxyV1Interaction](t)(p.ListInteraction(service, session, &proxy.ListInteractionParams{})); len(list) != 1 || *list[0].Type != "message" {
		t.Errorf("%d interactions", len(list))
	}
	equal(t, "status", ok[*proxy.ProxyV1Session](t)(p.FetchSession(service, "order 17")).Status, "in-progress")

	closed := ok[*proxy.ProxyV1Session](t)(p.UpdateSession(service, session, (&proxy.UpdateSessionParams{}).SetStatus("closed")))
	equal(t, "closed_reason", closed.ClosedReason, "api")
	_, err = p.UpdateSession(service, session, (&proxy.UpdateSessionParams{}).SetTtl(5))
	refused(t, err, 400, 80607)
	_, err = p.UpdateSession(service, session, (&proxy.UpdateSessionParams{}).SetStatus("open"))
	refused(t, err, 400, 80608)
	equal(t, "status", ok[*proxy.ProxyV1Session](t)(p.UpdateSession(service, session, (&proxy.UpdateSessionParams{}).SetStatus("in-progress"))).Status, "in-progress")
	done(t, p.DeleteInteraction(service, session, *said.Sid))
	done(t, p.DeleteParticipant(service, session, *people[1].Sid))

	// One whose time is over is closed without anybody's doing.
	short := ok[*proxy.ProxyV1Session](t)(p.CreateSession(service, (&proxy.CreateSessionParams{}).SetUniqueName("short").SetTtl(1)))
	eventually(t, "the session has ended", func() bool {
		return *ok[*proxy.ProxyV1Session](t)(p.FetchSession(service, *short.Sid)).Status == "closed"
	})

	done(t, p.DeleteSession(service, session))
	done(t, p.DeletePhoneNumber(service, second))
	done(t, p.DeleteService(service))
	_, err = p.FetchService(service)
	refused(t, err, 404, 20404)
}
