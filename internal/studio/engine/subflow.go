package engine

import "usher/internal/studio/definition"

// runSubflow starts another flow and waits for its end.
func runSubflow(r *run, s *definition.State) outcome {
	return r.do(RunSubflow{
		Flow: r.text(s, "flow_sid"), Revision: r.text(s, "flow_revision"), Parameters: r.pairs(s, "parameters"),
		Parent: r.ex.Context.Trigger, Token: r.wait(s, ForSubflow, 0),
	})
}

// subflowDone leaves the variables of the subflow in the widget, where the
// original has them: widgets.<name>.<key>.
func subflowDone(r *run, s *definition.State, in Input) outcome {
	done, _ := in.(SubflowDone)
	if done.Event != Completed {
		r.fault(CodeSubflow, "The subflow failed: %s", done.Err)
		return leave(Failed)
	}
	r.put(s, cleanMap(done.Context.Variables))
	return leave(Completed)
}
