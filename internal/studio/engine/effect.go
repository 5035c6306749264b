package engine

// Effect is something to do outside: one of the types below. Its Token is the
// one of the wait; the result goes to Step as an input with the same token, and
// serves as a key for doing it once.
type Effect interface{ effect() }

// SendMessage sends a message to the contact; its result is Sent.
type SendMessage struct {
	Token            string
	Service          string // chat service, "" for other channels
	Channel          string // chat channel, "" for other channels
	From, To         string
	Body             string
	Attributes       string // a JSON object, or ""
	MediaURL         string
	MessagingService string // MG… or ""
	ContentSID       string // of a content template, or ""
	ContentVariables string // a JSON object, or ""
}

// HTTPCall makes a request; its result is HTTPDone. An answer with a body
// larger than MaxHTTPBody is to be cut off with an error.
type HTTPCall struct {
	Token          string
	Method         string // GET or POST
	URL            string
	ContentType    string
	Body           string
	TimeoutSeconds int
	Auth           bool // with the account's credentials, when the address is the product's own
	Function       bool // of a run-function widget: the operator maps its address
	// Service, Environment and FunctionSID are what the export says of a hosted function.
	Service, Environment, FunctionSID string
}

// CreateTask makes a task; its result is TaskDone.
type CreateTask struct {
	Token       string
	Workflow    string // WW…
	TaskChannel string // TC… or a unique name
	Attributes  string // a JSON object
	Priority    int
	Timeout     int // seconds, 0 is the product's default
}

// RunSubflow starts an execution of another flow; its result is SubflowDone.
type RunSubflow struct {
	Token      string
	Flow       string // FW…
	Revision   string // a number, "LatestPublished" or "LatestRevision"
	Parameters map[string]any
	Parent     map[string]any // Start.Parent of the new execution
}

// Redirect hands the conversation over to another application, which returns it
// with Returned.
type Redirect struct {
	Token  string
	Method string // GET or POST
	URL    string
}

// Consult asks a language model what to say to the customer next; its result is
// Consulted. What was said so far is in the conversation itself.
type Consult struct {
	Token        string
	Instructions string // of the widget, beside those that the operator gives to all
	Model        string // "" is the operator's choice
	Turn         int    // which answer it will be in this visit to the widget, from 1
}

// End says that the execution is over: exactly once, as its last effect.
type End struct{ Reason string }

func (SendMessage) effect() {}
func (HTTPCall) effect()    {}
func (CreateTask) effect()  {}
func (RunSubflow) effect()  {}
func (Redirect) effect()    {}
func (Consult) effect()     {}
func (End) effect()         {}
