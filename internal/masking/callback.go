package masking

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/hook"
	"usher/internal/messaging"
	"usher/internal/proxy"
	"usher/internal/proxy/geo"
	"usher/internal/sid"
)

// date writes a time as the original's callbacks do.
func date(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// fields collects a form; empty values are left out, as the original does.
type fields url.Values

func (f fields) set(name, value string) {
	if value != "" {
		f[name] = []string{value}
	}
}

func (f fields) date(name string, t time.Time) {
	if !t.IsZero() {
		f.set(name, date(t))
	}
}

// interactionForm is what the callbacks are told of an interaction; the intercept callback hears nothing of a side that is still to
// come. Source: recorded callbacks, and the original's page on Proxy webhooks.
func interactionForm(i *proxy.Interaction, whole bool) url.Values {
	f := fields{}
	f.set("interactionSid", string(i.SID))
	f.set("interactionType", "Message")
	f.set("interactionData", i.Data)
	f.set("interactionAccountSid", string(i.AccountSID))
	f.set("interactionServiceSid", string(i.Service))
	f.set("interactionSessionSid", string(i.Session))
	f.date("interactionDateCreated", i.CreatedAt)
	f.date("interactionDateUpdated", i.UpdatedAt)
	f.side("inbound", i.AccountSID, i.Inbound)
	if whole {
		f.side("outbound", i.AccountSID, i.Outbound)
	}
	return url.Values(f)
}

// side tells of one end of an interaction.
func (f fields) side(prefix string, acct sid.SID, s proxy.Side) {
	f.set(prefix+"ParticipantSid", string(s.Participant))
	f.set(prefix+"ResourceStatus", s.Status)
	if s.Resource == "" {
		return
	}
	f.set(prefix+"ResourceSid", string(s.Resource))
	f.set(prefix+"ResourceType", "message")
	if p := sid.Prefix(string(s.Resource)); p == sid.SMS || p == sid.MMS {
		// Where the message is read, whichever host is asked.
		f.set(prefix+"ResourceUrl", "https://api.twilio.com/2010-04-01/Accounts/"+string(acct)+"/Messages/"+string(s.Resource)+".json")
	}
}

// tellTx has the service's status callback told how an interaction stands. Told twice, it is told the same.
func (m *Masking) tellTx(tx *db.Tx, s *proxy.Service, i *proxy.Interaction) error {
	if s.Callback == "" {
		return nil
	}
	_, err := m.Hooks.EnqueueTx(tx, hook.Notice{
		Account: i.Account, AccountSID: i.AccountSID, Key: i.Key, Kind: "proxy.interaction", Subject: i.Session,
		Unique: string(i.SID) + "|" + strconv.FormatInt(i.Version, 10), Order: string(i.Session), Retries: hook.MaxRetries,
		Content: hook.Content{URL: s.Callback, Form: interactionForm(i, true)},
	})
	if err != nil {
		return fmt.Errorf("callback of interaction %s: %w", i.SID, err)
	}
	return nil
}

// arrivalForm is the webhook of an incoming message, as far as it is known. Source: the original's page on messaging webhooks.
func (m *Masking) arrivalForm(owner account.Account, msg *messaging.Message) fields {
	f := fields{}
	f.set("ApiVersion", "2010-04-01")
	f.set("AccountSid", string(owner.SID))
	for _, name := range []string{"MessageSid", "SmsSid", "SmsMessageSid"} {
		f.set(name, string(msg.SID))
	}
	f.set("SmsStatus", "received")
	f.set("From", msg.From)
	f.set("To", msg.To)
	f.set("FromCountry", geo.CountryOf(msg.From))
	f.set("ToCountry", geo.CountryOf(msg.To))
	f["Body"] = []string{msg.Body}
	f.set("NumSegments", strconv.Itoa(msg.Segments))
	f.set("NumMedia", strconv.Itoa(len(msg.Media)))
	f.set("ProfileName", msg.ProfileName)
	for n, item := range msg.Media {
		f.set("MediaContentType"+strconv.Itoa(n), item.ContentType)
	}
	for n, address := range m.addresses(msg, owner.SID) {
		f.set("MediaUrl"+strconv.Itoa(n), address)
	}
	for name, value := range msg.Details {
		if _, ours := f[name]; !ours {
			f.set(name, value)
		}
	}
	return f
}

// tellLast adds what is known of the sender's last session. Source: recorded callbacks.
func (f fields) tellLast(r *proxy.Route) {
	s := &r.Session
	f.set("sessionUniqueName", s.UniqueName)
	f.set("sessionAccountSid", string(s.AccountSID))
	f.set("sessionServiceSid", string(s.Service))
	f.set("sessionSid", string(s.SID))
	f.set("sessionStatus", string(s.Status))
	f.set("sessionMode", string(s.Mode))
	f.date("sessionDateCreated", s.CreatedAt)
	f.date("sessionDateStarted", s.StartedAt)
	f.date("sessionDateUpdated", s.UpdatedAt)
	f.date("sessionDateEnded", s.EndedAt)
	f.date("sessionDateLastInteraction", s.LastInteraction)
	f.set("sessionClosedReason", s.ClosedReason)
	if s.TTL > 0 {
		f.set("ttl", strconv.FormatInt(s.TTL, 10))
	}
	f.person("inboundParticipant", &r.From)
	if r.To != nil {
		f.person("outboundParticipant", r.To)
	}
}

func (f fields) person(prefix string, v *proxy.Participant) {
	f.set(prefix+"Sid", string(v.SID))
	f.set(prefix+"Identifier", v.Identifier)
	f.set(prefix+"FriendlyName", v.FriendlyName)
	f.set(prefix+"ProxyIdentifier", v.Proxy)
	f.set(prefix+"ProxyIdentifierSid", string(v.ProxySID))
	f.set(prefix+"AccountSid", string(v.AccountSID))
	f.set(prefix+"ServiceSid", string(v.Service))
	f.set(prefix+"SessionSid", string(v.Session))
	f.date(prefix+"DateCreated", v.CreatedAt)
	f.date(prefix+"DateUpdated", v.UpdatedAt)
}
