package event

// The kinds of events. Webhook names derive from them.
const (
	ChannelAdded   = "channel.added" // on no stream: for durable subscribers only
	ChannelUpdated = "channel.updated"
	ChannelRemoved = "channel.removed"
	MessageAdded   = "message.added"
	MessageUpdated = "message.updated"
	MessageRemoved = "message.removed"
	// MessageDelivery tells what became of a message that goes out by a carrier.
	MessageDelivery = "message.delivery"

	MemberAdded   = "member.added"
	MemberUpdated = "member.updated"
	MemberRemoved = "member.removed"

	UserAdded          = "user.added" // on no stream: for durable subscribers only
	UserUpdated        = "user.updated"
	UserChannelAdded   = "userchannel.added"
	UserChannelUpdated = "userchannel.updated"
	UserChannelRemoved = "userchannel.removed"

	WorkerCreated         = "worker.created"
	WorkerUpdated         = "worker.updated"
	WorkerActivityUpdated = "worker.activity.updated"
	WorkerChannelUpdated  = "worker.channel.updated"
	WorkerDeleted         = "worker.deleted"

	ReservationCreated   = "reservation.created"
	ReservationAccepted  = "reservation.accepted"
	ReservationRejected  = "reservation.rejected"
	ReservationTimeout   = "reservation.timeout"
	ReservationCanceled  = "reservation.canceled"
	ReservationRescinded = "reservation.rescinded"
	ReservationWrapup    = "reservation.wrapup"
	ReservationCompleted = "reservation.completed"

	TaskCreated   = "task.created"
	TaskUpdated   = "task.updated"
	TaskCanceled  = "task.canceled"
	TaskWrapup    = "task.wrapup"
	TaskCompleted = "task.completed"
	TaskDeleted   = "task.deleted"

	// Of messages by carriers; on no stream: for durable subscribers only.
	SMSQueued   = "message.queued"   // a message is to be sent
	SMSStatus   = "message.status"   // a message that is or was to be sent has come further
	SMSReceived = "message.received" // a customer's message has come
)
