package engine

import (
	"usher/internal/studio/definition"
)

// defaultReply is how long a widget waits for a reply that does not say it.
const defaultReply = 3600

// sendMessage sends and goes on when the message has been sent.
func sendMessage(r *run, s *definition.State) outcome {
	m, ok := r.message(s, r.text(s, "to"))
	if !ok {
		return leave("failed")
	}
	m.Token = r.wait(s, ForSent, guardTime)
	return r.do(m)
}

func sent(r *run, s *definition.State, in Input) outcome {
	result, ok := in.(Sent)
	if !ok {
		result = Sent{Code: CodeSend, Message: "The message was not sent in time"}
	}
	if r.outbound(s, result) {
		return leave("sent")
	}
	return leave("failed")
}

// sendAndWait sends and waits for the contact's next message. It waits from the
// start: a reply may be faster than the news that the message was sent.
func sendAndWait(r *run, s *definition.State) outcome {
	m, ok := r.message(s, r.ex.Contact)
	if !ok {
		return leave("deliveryFailure")
	}
	m.Token = r.wait(s, ForMessage, r.seconds(s, "timeout", defaultReply))
	return r.do(m)
}

func replied(r *run, s *definition.State, in Input) outcome {
	switch in := in.(type) {
	case Message:
		values := copied(r.ex.Context.Widgets[s.Name])
		values["inbound"] = message(in.Data)
		r.put(s, values)
		return leave("incomingMessage")
	case Sent:
		if r.outbound(s, in) {
			return waiting
		}
		return leave("deliveryFailure")
	}
	return leave("timeout")
}

// message renders the properties of a message. It fails when there is nothing
// to send.
func (r *run) message(s *definition.State, to string) (m SendMessage, ok bool) {
	m = SendMessage{
		Service: r.text(s, "service"), Channel: r.text(s, "channel"), From: r.text(s, "from"), To: to,
		Body: r.render(s.Text("body")), MediaURL: r.text(s, "media_url"),
		MessagingService: r.text(s, "messaging_service_sid"), ContentSID: r.text(s, "content_sid"),
	}
	if m.From == "" {
		m.From = r.ex.Channel
	}
	if m.To == "" {
		m.To = r.ex.Contact
	}
	if a := r.json(s.Text("attributes")); a != "" {
		if v, isJSON := parseJSON(a); !isJSON || !isObject(v) {
			r.fault(CodeSend, "The attributes of the message are no JSON object")
			a = ""
		}
		m.Attributes = a
	}
	if pairs := r.pairs(s, "content_variables"); len(pairs) > 0 {
		m.ContentVariables = toJSON(pairs)
	}
	outbound := map[string]any{"Body": m.Body, "From": m.From, "To": m.To}
	if m.Body == "" && m.MediaURL == "" && m.ContentSID == "" {
		r.fault(CodeSend, "The message has no text")
		outbound["ErrorCode"], outbound["ErrorMessage"] = r.code, r.problem
		r.put(s, map[string]any{"outbound": outbound})
		return m, false
	}
	r.put(s, map[string]any{"outbound": outbound})
	return m, true
}

// outbound notes the result of a message and says whether it was sent.
func (r *run) outbound(s *definition.State, result Sent) bool {
	values := copied(r.ex.Context.Widgets[s.Name])
	old, _ := values["outbound"].(map[string]any)
	out := merged(old, message(result.Data))
	if result.Code != 0 {
		r.fault(CodeSend, "The message was not sent: %s", result.Message)
		out["ErrorCode"], out["ErrorMessage"] = result.Code, result.Message
	} else {
		out["Sid"] = result.SID
	}
	values["outbound"] = out
	r.put(s, values)
	return result.Code == 0
}

func isObject(v any) bool { _, ok := v.(map[string]any); return ok }
