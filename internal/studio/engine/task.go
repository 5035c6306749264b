package engine

import (
	"time"

	"usher/internal/attr"
	"usher/internal/studio/definition"
)

// sendToFlex makes a task and waits until it has ended.
func sendToFlex(r *run, s *definition.State) outcome {
	attributes := r.json(s.Text("attributes"))
	if attributes == "" {
		attributes = attr.Empty
	}
	compact, err := attr.Parse(attributes, 0)
	if err != nil {
		r.fault(CodeTask, "The attributes of the task are no JSON object")
		return leave(FailedToEnqueue)
	}
	return r.do(CreateTask{
		Workflow: r.text(s, "workflow"), TaskChannel: r.text(s, "channel"), Attributes: string(compact),
		Priority: r.number(s, "priority"), Timeout: int(r.seconds(s, "timeout", 0) / time.Second),
		Token: r.wait(s, ForTask, 0),
	})
}

func taskDone(r *run, s *definition.State, in Input) outcome {
	done, _ := in.(TaskDone)
	if len(done.Task) > 0 {
		r.put(s, cleanMap(done.Task))
	}
	switch done.Event {
	case CallComplete:
		return leave(CallComplete)
	case FailedToEnqueue:
		r.fault(CodeTask, "The task was not made: %s", done.Err)
		return leave(FailedToEnqueue)
	}
	r.fault(CodeTask, "The task was lost: %s", done.Err)
	return leave(CallFailure)
}
