package flowrun

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/hook"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/studio/engine"
	"usher/internal/studio/twiml"
)

const (
	// redirectsMost bounds how often documents lead to one another.
	redirectsMost = 5
	// redirectTime bounds all of them together.
	redirectTime = 60 * time.Second
	// messagesMost bounds the messages of all of them.
	messagesMost = 20
	// flowReturns is the value of the parameter FlowEvent by which a redirect leads back into the flow.
	flowReturns = "return"
)

// redirect hands the conversation to another application: it asks for TwiML as the original does, says what that says, and follows
// it until it leads back into the flow or nowhere. What it says is committed with where it has led, so it is said once however
// often the application is asked.
func (r *FlowRun) redirect(ctx context.Context, x *studio.Execution, e engine.Redirect) error {
	ctx, cancel := context.WithTimeout(ctx, redirectTime)
	defer cancel()
	a, err := r.owner(ctx, x.Account)
	if err != nil {
		return err
	}
	back, say := engine.Returned{Token: e.Token}, []twiml.Verb(nil)
	form := redirectForm(x, a.SID)
	for hop := 0; ; hop++ {
		if hop == redirectsMost {
			back.Err = fmt.Sprintf("more than %d documents lead to one another", redirectsMost)
			break
		}
		// Each document is a call of its own for the receiver.
		verbs, why := r.document(ctx, hook.Request{
			Method: e.Method, URL: e.URL, Form: form, AuthToken: a.AuthToken, IdempotencyToken: e.Token + "." + strconv.Itoa(hop),
			MaxResponse: twiml.MaxBytes,
		})
		if why != "" {
			back.Err = why
			break
		}
		var on bool
		say, on = follow(x, a.SID, verbs, say, &e, &back)
		if !on {
			break
		}
	}
	return r.db.Do(context.WithoutCancel(ctx), func(tx *db.Tx) error { return r.comeBack(tx, x, say, back) })
}

// document asks for one document.
func (r *FlowRun) document(ctx context.Context, q hook.Request) (verbs []twiml.Verb, why string) {
	res, err := r.Caller.Post(ctx, q)
	var failed *hook.Error
	switch {
	case errors.As(err, &failed) && failed.Failure == hook.BadStatus:
		return nil, fmt.Sprintf("the answer has the status %d", failed.Status)
	case errors.As(err, &failed):
		return nil, explain(failed)
	case err != nil:
		return nil, "the call failed"
	}
	if verbs, err = twiml.Parse(res.Body); err != nil {
		return nil, err.Error()
	}
	return verbs, ""
}

// follow collects what a document says. on tells that it leads to another one, which e then names; else back says how it ends.
func follow(x *studio.Execution, account sid.SID, verbs, said []twiml.Verb, e *engine.Redirect, back *engine.Returned) (say []twiml.Verb, on bool) {
	for _, v := range verbs {
		if v.Redirect == "" {
			if len(said) == messagesMost {
				back.Err = fmt.Sprintf("more than %d messages", messagesMost)
				return said, false
			}
			said = append(said, v)
			continue
		}
		base, err := url.Parse(e.URL)
		if err != nil {
			break
		}
		to, err := base.Parse(v.Redirect)
		if err != nil || len(v.Redirect) > 8<<10 {
			back.Err = "a redirect leads to no address"
			return said, false
		}
		if data, ok := leadsBack(to, account, x.State.FlowSID); ok {
			back.Data = data
			return said, false
		}
		e.URL, e.Method = to.String(), v.Method
		return said, true
	}
	back.Away = true
	return said, false
}

// leadsBack recognizes the flow's own webhook with FlowEvent=return, at whichever host: the rest of its query is for the flow.
func leadsBack(to *url.URL, account, flow sid.SID) (data map[string]any, ok bool) {
	query := to.Query()
	if !strings.HasSuffix(to.Path, "/v1/Accounts/"+string(account)+"/Flows/"+string(flow)) || query.Get("FlowEvent") != flowReturns {
		return nil, false
	}
	data = map[string]any{}
	for name, values := range query {
		if name != "FlowEvent" && len(values) > 0 {
			data[name] = values[0]
		}
	}
	return data, true
}

// redirectForm is what the other application hears: the fields of the original's webhook for a message, as far as they are known.
func redirectForm(x *studio.Execution, account sid.SID) url.Values {
	message, _ := x.State.Context.Trigger["message"].(map[string]any)
	field := func(name string) string { s, _ := message[name].(string); return s }
	form := url.Values{
		"AccountSid": {string(account)}, "FlowSid": {string(x.State.FlowSID)}, "ExecutionSid": {string(x.SID)},
		"From": {x.State.Contact}, "To": {x.State.Channel}, "Body": {""}, "NumMedia": {"0"},
	}
	said := latest(x)
	for _, name := range []string{"Body", "NumMedia", "MediaUrl0", "MediaContentType0"} {
		if s := text(said, name); s != "" {
			form.Set(name, s)
		}
	}
	if s := field("MessageSid"); s != "" {
		form.Set("MessageSid", s)
		form.Set("SmsMessageSid", s)
	}
	for _, name := range []string{"ChannelSid", "InstanceSid", "ClientIdentity"} {
		if s := field(name); s != "" {
			form.Set(name, s)
		}
	}
	return form
}

// latest is what the customer has written last, as far as the widgets know: the reply of the highest index, or what began the flow.
func latest(x *studio.Execution) any {
	said, at := x.State.Context.Trigger["message"], int64(-1)
	for _, kept := range x.State.Context.Widgets {
		if n, ok := index(kept["inbound"]); ok && n > at {
			said, at = kept["inbound"], n
		}
	}
	return said
}

// comeBack says what the other application wants said, if the execution still waits for it, and lets it go on.
func (r *FlowRun) comeBack(tx *db.Tx, x *studio.Execution, say []twiml.Verb, back engine.Returned) error {
	now, err := r.Studio.ExecutionTx(tx, x.Account, x.SID)
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	if err != nil || !engine.Takes(now.State, back, tx.Now) {
		return err
	}
	if err := r.sayAll(tx, &now, say, &back); err != nil {
		return err
	}
	return r.step(tx, &now, back, &errand{})
}

// sayAll writes messages into the conversation. What refuses one is noted in back.
func (r *FlowRun) sayAll(tx *db.Tx, x *studio.Execution, say []twiml.Verb, back *engine.Returned) error {
	if len(say) == 0 {
		return nil
	}
	if x.IsTest() {
		for _, v := range say {
			if _, err := r.noteMessage(tx, x, engine.SendMessage{Body: withMedia(v.Body, v.Media...), To: x.State.Contact}); err != nil {
				return err
			}
		}
		return nil
	}
	if !sid.Valid(x.State.Contact, sid.Channel) {
		back.Err = "no carrier is configured for this address"
		return nil
	}
	ch, err := r.Chat.ChannelTx(tx, x.Account, sid.SID(x.State.Contact))
	if fault.Is(err, fault.KindNotFound) {
		back.Err = "the channel is not there any more"
		return nil
	}
	if err != nil {
		return err
	}
	for i, v := range say {
		_, _, err := r.Chat.SendTx(tx, &ch, chat.NewMessage{Author: bot, Body: withMedia(v.Body, v.Media...), ClientID: back.Token + "." + strconv.Itoa(i)})
		if fault.Is(err, fault.KindInvalid) || fault.Is(err, fault.KindTooLarge) {
			back.Err = fault.Of(err).Message
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// withMedia puts the addresses of media behind a text: a conversation shows links, not files of others.
func withMedia(body string, media ...string) string {
	lines := make([]string, 0, 1+len(media))
	for _, s := range append([]string{body}, media...) {
		if s != "" {
			lines = append(lines, s)
		}
	}
	return strings.Join(lines, "\n")
}
