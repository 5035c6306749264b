package engine

// Input is something that happened: one of the types below.
type Input interface{ input() }

// Events of a trigger.
const (
	IncomingMessage             = "incomingMessage"
	IncomingConversationMessage = "incomingConversationMessage"
	IncomingRequest             = "incomingRequest"
	IncomingParent              = "incomingParent"
)

// Start begins an execution that has a SID, a flow, a contact and nothing else.
type Start struct {
	Trigger string // one of the events of a trigger
	// Data is the message (the fields of the original's webhook, such as Body,
	// ChannelSid, InstanceSid, ChannelAttributes), or the parameters of a
	// request or of a subflow.
	Data map[string]any
	// Parent is Context.Trigger of the flow that started this one, so that a
	// subflow answers in the same channel. For IncomingParent only.
	Parent map[string]any
}

// Message is what the contact wrote; Data as in Start.
type Message struct{ Data map[string]any }

// Timeout says that Wait.Until has passed. It changes nothing before that time.
type Timeout struct{}

// Sent is the result of SendMessage.
type Sent struct {
	Token   string
	SID     string         // of the message, when it was sent
	Data    map[string]any // more of the message, for widgets.<name>.outbound
	Code    int            // of the error, 0 when it was sent
	Message string         // of the error
}

// HTTPDone is the result of HTTPCall.
type HTTPDone struct {
	Token       string
	Status      int
	Body        string
	ContentType string
	Err         string // why there was no answer
}

// Events of TaskDone.
const (
	CallComplete    = "callComplete"    // the task was made and has ended
	FailedToEnqueue = "failedToEnqueue" // the task was not made
	CallFailure     = "callFailure"     // the task was lost
)

// TaskDone is the result of CreateTask.
type TaskDone struct {
	Token string
	Event string         // one of the three
	Task  map[string]any // as REST shows a task, snake_case
	Err   string
}

// Events of SubflowDone.
const (
	Completed = "completed"
	Failed    = "failed"
)

// SubflowDone is the result of RunSubflow.
type SubflowDone struct {
	Token   string
	Event   string  // completed or failed
	Context Context // of the execution that ended
	Err     string
}

// Returned is the result of Redirect.
type Returned struct {
	Token string
	Data  map[string]any
	Away  bool   // it was handed over and has not come back yet
	Err   string // why it failed
}

// Consulted is the result of Consult.
type Consulted struct {
	Token   string
	Text    string // what to say
	HandOff bool   // to a person, after the text
	Limit   bool   // because there were as many turns as the operator allows
	Done    bool   // the customer needs nothing more
	Err     string // why there is no answer
}

func (Start) input()       {}
func (Message) input()     {}
func (Timeout) input()     {}
func (Sent) input()        {}
func (HTTPDone) input()    {}
func (TaskDone) input()    {}
func (SubflowDone) input() {}
func (Returned) input()    {}
func (Consulted) input()   {}
