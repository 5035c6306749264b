package engine

import "usher/internal/studio/definition"

// twin is the other event of a message.
var twin = map[string]string{IncomingMessage: IncomingConversationMessage, IncomingConversationMessage: IncomingMessage}

// startTrigger begins an execution: it puts what came into the context and
// leaves by the event of that name. A message takes the way of either product's
// messages where the flow was made for the other one only.
func startTrigger(r *run, s *definition.State, in Input) outcome {
	start, ok := in.(Start)
	if !ok {
		r.fault(CodeEvent, "A trigger does not wait")
		return outcome{event: "failed", stop: true}
	}
	if other := twin[start.Trigger]; s.Next(start.Trigger) == "" && s.Next(other) != "" {
		start.Trigger = other
	}
	trigger := r.ex.Context.Trigger
	switch start.Trigger {
	case IncomingMessage:
		trigger["message"] = message(start.Data)
	case IncomingConversationMessage:
		// Flows read either, whichever of the two products they were made for.
		m := message(start.Data)
		trigger["message"], trigger["conversation"] = m, m
	case IncomingRequest:
		data := cleanMap(start.Data)
		for k, v := range data {
			r.ex.Context.Data[k] = v
		}
		trigger["request"] = map[string]any{"to": r.ex.Contact, "from": r.ex.Channel, "parameters": data}
	case IncomingParent:
		for k, v := range cleanMap(start.Parent) {
			trigger[k] = v
		}
		trigger["parent"] = map[string]any{"parameters": cleanMap(start.Data)}
	default:
		r.fault(CodeTrigger, "The event %q begins no flow of messages", start.Trigger)
		return outcome{event: start.Trigger, stop: true}
	}
	r.grown += size(r.ex.Context)
	return leave(start.Trigger)
}

// enterTrigger ends a flow that leads back to a trigger: there is nothing to
// trigger it a second time.
func enterTrigger(r *run, s *definition.State) outcome {
	r.fault(CodeEvent, "The widget %q is a trigger; a flow cannot come back to it", s.Name)
	return outcome{event: "failed", stop: true}
}
