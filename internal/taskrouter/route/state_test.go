package route

import (
	"fmt"
	"slices"
	"testing"

	"usher/internal/expr"
)

// floor is a state with one queue for everybody and a log of whom each task went to.
type floor struct {
	*State
	t    *testing.T
	now  int64
	next int64
}

func newFloor(t *testing.T) *floor {
	t.Helper()
	f := &floor{State: New(), t: t, now: 1000 * second}
	f.PutQueue(Queue{ID: 1, Version: 1, Target: must(expr.Parse("1==1")), MaxReserved: 1})
	return f
}

func (f *floor) worker(id int64, attrs map[string]any, capacity int) {
	f.PutWorker(Worker{
		ID: id, Version: 1, SID: fmt.Sprint("WK", id), Name: fmt.Sprint("worker ", id), Attributes: attrs, Available: true, Since: id,
		Slots: []Slot{{Channel: 1, Name: "chat", Capacity: capacity, Available: true}, {Channel: 2, Name: "voice", Capacity: 1, Available: true}},
	})
}

func (f *floor) flow(config string) {
	f.t.Helper()
	w, err := Compile(config, queuesNamed("q1", "q2"))
	if err != nil {
		f.t.Fatal(err)
	}
	w.ID, w.Version = 1, 1
	f.PutWorkflow(w)
}

func (f *floor) task(change func(*Task)) int64 {
	f.next++
	t := Task{ID: f.next, Version: 1, Queue: 1, Channel: 1, Start: f.next, Expires: f.now + 1000*second}
	if change != nil {
		change(&t)
	}
	f.PutTask(t)
	return t.ID
}

// assign returns "task:worker" for each reservation, in order; other decisions are written by kind.
func (f *floor) assign() (out []string) {
	for _, d := range Assign(f.State, f.now, 1000) {
		switch d.Kind {
		case Reserve:
			out = append(out, fmt.Sprintf("%d:%d", d.Task, d.Worker))
			f.PutReservation(Reservation{ID: d.Task*100 + d.Worker, Task: d.Task, Worker: d.Worker, Channel: d.Channel, Live: true, Due: d.Due, At: f.now})
		case Timeout:
			out = append(out, fmt.Sprintf("timeout %d", d.Task))
		case Move:
			out = append(out, fmt.Sprintf("move %d to %d/%d", d.Task, d.Filter, d.Target))
		case Cancel:
			out = append(out, fmt.Sprintf("cancel %d: %s", d.Task, d.Reason))
		}
	}
	return out
}

func (f *floor) want(what string, want ...string) {
	f.t.Helper()
	if got := f.assign(); !slices.Equal(got, want) {
		f.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestOrderBy(t *testing.T) {
	t.Parallel()
	f := newFloor(t)
	f.flow(`{"task_routing":{"filters":[{"targets":[{"queue":"q1","order_by":"worker.level DESC, cost"}]}]}}`)
	f.worker(1, map[string]any{"level": 1.0}, 1)
	f.worker(2, map[string]any{"level": 5.0, "cost": 9.0}, 1)
	f.worker(3, map[string]any{"level": 5.0, "cost": 3.0}, 1)
	f.worker(4, map[string]any{}, 1)
	for range 4 {
		f.task(func(t *Task) { t.Workflow = 1 })
	}
	f.want("level first, then cost, those without last", "1:3", "2:2", "3:1", "4:4")
}

func TestIdleFirst(t *testing.T) {
	t.Parallel()
	f := newFloor(t)
	f.worker(1, nil, 3)
	f.worker(2, nil, 3)
	f.task(func(t *Task) { t.Channel = 2 })
	f.want("the longest idle", "1:1")
	f.task(nil)
	f.task(nil)
	f.want("the idle one, then the one who was busy longer", "2:2", "3:1")
	f.SetOptimized(1, true)
	f.PutReservation(Reservation{ID: 301, Task: 3, Worker: 1, Channel: 1, At: f.now})
	f.DropTask(3)
	f.task(nil)
	f.want("idle on the channel itself", "4:1")
}

func TestDynamic(t *testing.T) {
	t.Parallel()
	f := newFloor(t)
	f.flow(`{"task_routing":{"filters":[{"targets":[{"queue":"q1","expression":"worker.channel.voice.available_capacity_percentage == 100"}]}]}}`)
	f.worker(1, nil, 2)
	call := f.task(func(t *Task) { t.Channel = 2 })
	f.want("a call", "1:1")
	f.task(func(t *Task) { t.Workflow = 1 })
	f.want("no chat during a call")
	f.DropTask(call)
	f.want("a chat after it", "2:1")
}

func TestClock(t *testing.T) {
	t.Parallel()
	env := TaskEnv{Now: 1_790_000_000 * second, Attributes: map[string]any{"task": "x"}} // Monday 2026-09-21 14:13:20 UTC
	for src, want := range map[string]bool{
		"taskrouter.dayOfWeek == 'Mon'": true, "taskrouter.currentHour == 14": true, "taskrouter.currentMin == 13": true,
		"taskrouter.currentTime >= 1400 AND taskrouter.currentTime < 1500": true, "taskrouter.nothing == null": true, "task == 'x'": true,
	} {
		if got := must(expr.Parse(src)).Eval(env); got != want {
			t.Errorf("%s is %v", src, got)
		}
	}
}

// TestOutOfOrder: changes that were committed one after the other may arrive the other way around.
func TestOutOfOrder(t *testing.T) {
	t.Parallel()
	f := newFloor(t)
	f.worker(1, nil, 1)
	id := f.task(nil)
	f.want("first", "1:1")
	done := Task{ID: id, Version: 9, Phase: Done}
	f.PutTask(done)
	f.PutTask(Task{ID: id, Version: 3, Phase: Taken, Queue: 1, Channel: 1})
	f.PutReservation(Reservation{ID: 101, Task: id, Worker: 1, Channel: 1, Live: true, At: f.now})
	if f.Load(1, 1) != 0 || f.Tasks() != 0 {
		t.Error("an ended task came back")
	}
	f.task(nil)
	f.want("second", "2:1")
	f.PutReservation(Reservation{ID: 201, Task: 2, Worker: 1, Channel: 1, Refused: true, At: f.now})
	f.PutReservation(Reservation{ID: 201, Task: 2, Worker: 1, Channel: 1, Live: true, At: f.now})
	if f.Load(1, 1) != 0 {
		t.Error("an ended reservation came back")
	}
	f.PutWorker(Worker{ID: 1, Version: 1, Available: false})
	f.want("the older row of a worker does not count", "2:1")
}

func TestChangesWhileWaiting(t *testing.T) {
	t.Parallel()
	f := newFloor(t)
	f.PutQueue(Queue{ID: 2, Version: 1, LIFO: true, MaxReserved: 1})
	f.task(nil)
	f.task(func(t *Task) { t.Queue = 2 })
	f.task(func(t *Task) { t.Queue = 2 })
	if f.Waiting() != 3 {
		t.Errorf("%d tasks wait", f.Waiting())
	}
	f.SetWorkspace(true, true)
	f.PutQueue(Queue{ID: 2, Version: 2, Target: must(expr.Parse("1==1")), LIFO: true, MaxReserved: 1})
	f.worker(1, nil, 2)
	f.want("the newest of the LIFO queue first", "3:1", "2:1")
	if !f.Member(1, 2) || f.Member(1, 3) {
		t.Error("membership")
	}
	f.DropWorker(1)
	f.worker(2, nil, 1)
	f.want("another worker", "1:2")
	f.DropQueue(2)
	f.task(func(t *Task) { t.Queue = 2 })
	f.want("a queue that is gone")
	f.SetWorkspace(false, false)
	f.want("nothing to do")
}

func TestLimitAndNext(t *testing.T) {
	t.Parallel()
	f := newFloor(t)
	if _, ok := f.Next(); ok {
		t.Error("a deadline of nothing")
	}
	f.worker(1, nil, 5)
	for range 5 {
		f.task(nil)
	}
	if n := len(Assign(f.State, f.now, 2)); n != 2 {
		t.Errorf("%d decisions, at most 2 were asked for", n)
	}
	if at, ok := f.Next(); !ok || at != f.now+120*second {
		t.Errorf("the next deadline is %d", at)
	}
	if n := len(Assign(f.State, f.now, 200)); n != 3 {
		t.Errorf("%d further decisions", n)
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	f := newFloor(t)
	f.worker(1, nil, 1)
	id := f.task(nil)
	f.want("reserved", "1:1")
	f.Forget(id) // the write failed: the row is still what it was
	f.ForgetVersion(1)
	f.worker(1, nil, 1)
	f.PutTask(Task{ID: id, Version: 1, Queue: 1, Channel: 1, Expires: f.now + second})
	f.want("decided again", "1:1")
	f.now += 2 * second
	f.want("its life ends", "cancel 1: Task TTL Exceeded")
}
