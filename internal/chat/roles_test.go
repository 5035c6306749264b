package chat

import (
	"testing"

	"usher/internal/account"
	"usher/internal/chat/permission"
	"usher/internal/db"
	"usher/internal/fault"
)

// operation is something that an actor does in a channel of which it is a member, and what it needs for that.
type operation struct {
	name  string
	needs permission.Set // any of them; 0 is nothing
	do    func(w *world, actor account.Actor, p Place, own, other Message) error
}

// operations are all that a role decides about. Each is tried in a channel of its own.
var operations = []operation{
	{"send a message", permission.SendMessage, func(w *world, a account.Actor, p Place, _, _ Message) error {
		_, _, err := w.SendTo(ctx(), a, p, NewMessage{Body: "x"})
		return err
	}},
	{"edit its own message", permission.EditOwnMessage | permission.EditAnyMessage, func(w *world, a account.Actor, p Place, own, _ Message) error {
		_, err := w.UpdateMessage(ctx(), a, p, own.SID, MessageChange{Body: ptr("x")})
		return err
	}},
	{"edit another's message", permission.EditAnyMessage, func(w *world, a account.Actor, p Place, _, other Message) error {
		_, err := w.UpdateMessage(ctx(), a, p, other.SID, MessageChange{Body: ptr("x")})
		return err
	}},
	{"attributes of its own message", permission.EditOwnMessageAttributes | permission.EditAnyMessageAttributes, func(w *world, a account.Actor, p Place, own, _ Message) error {
		_, err := w.UpdateMessage(ctx(), a, p, own.SID, MessageChange{Attributes: ptr("{}")})
		return err
	}},
	{"attributes of another's message", permission.EditAnyMessageAttributes, func(w *world, a account.Actor, p Place, _, other Message) error {
		_, err := w.UpdateMessage(ctx(), a, p, other.SID, MessageChange{Attributes: ptr("{}")})
		return err
	}},
	{"delete its own message", permission.DeleteOwnMessage | permission.DeleteAnyMessage, func(w *world, a account.Actor, p Place, own, _ Message) error {
		return w.DeleteMessage(ctx(), a, p, own.SID)
	}},
	{"delete another's message", permission.DeleteAnyMessage, func(w *world, a account.Actor, p Place, _, other Message) error {
		return w.DeleteMessage(ctx(), a, p, other.SID)
	}},
	{"rename the channel", permission.EditChannelName, func(w *world, a account.Actor, p Place, _, _ Message) error {
		_, err := w.UpdateChannel(ctx(), a, p, ChannelChange{FriendlyName: ptr("x")})
		return err
	}},
	{"attributes of the channel", permission.EditChannelAttributes, func(w *world, a account.Actor, p Place, _, _ Message) error {
		_, err := w.UpdateChannel(ctx(), a, p, ChannelChange{Attributes: ptr("{}")})
		return err
	}},
	{"destroy the channel", permission.DestroyChannel, func(w *world, a account.Actor, p Place, _, _ Message) error {
		return w.DeleteChannel(ctx(), a, p)
	}},
	{"add a member", permission.AddMember, func(w *world, a account.Actor, p Place, _, _ Message) error {
		_, err := w.AddMember(ctx(), a, p, NewMember{Identity: "eve"})
		return err
	}},
	{"invite", permission.InviteMember, func(w *world, a account.Actor, p Place, _, _ Message) error {
		_, err := w.CreateInvite(ctx(), a, p, NewInvite{Identity: "guest"})
		return err
	}},
	{"remove a member", permission.RemoveMember, func(w *world, a account.Actor, p Place, _, _ Message) error {
		return w.RemoveMember(ctx(), a, p, "bob")
	}},
	{"leave", permission.LeaveChannel | permission.RemoveMember, func(w *world, a account.Actor, p Place, _, _ Message) error {
		return w.RemoveMember(ctx(), a, p, "ada")
	}},
	{"its own member attributes", permission.EditOwnMemberAttributes | permission.EditAnyMemberAttributes, func(w *world, a account.Actor, p Place, _, _ Message) error {
		_, err := w.UpdateMember(ctx(), a, p, "ada", MemberChange{Attributes: ptr("{}")})
		return err
	}},
	{"another's member attributes", permission.EditAnyMemberAttributes, func(w *world, a account.Actor, p Place, _, _ Message) error {
		_, err := w.UpdateMember(ctx(), a, p, "bob", MemberChange{Attributes: ptr("{}")})
		return err
	}},
	{"mute the channel", permission.EditNotificationLevel, func(w *world, a account.Actor, p Place, _, _ Message) error {
		_, err := w.UpdateUserChannel(ctx(), a, p.Service, "ada", p.Channel, UserChannelChange{Notification: ptr(NotifyMuted)})
		return err
	}},
	{"read", 0, func(w *world, a account.Actor, p Place, _, _ Message) error {
		_, err := w.ListMessages(ctx(), a, p, db.Page{Size: 5})
		return err
	}},
	{"move its read horizon", 0, func(w *world, a account.Actor, p Place, _, _ Message) error {
		_, err := w.UpdateMember(ctx(), a, p, "ada", MemberChange{LastRead: ptr[int64](0)})
		return err
	}},
}

// never are what no role allows to a client.
var never = []operation{
	{"give a role", 0, func(w *world, a account.Actor, p Place, _, _ Message) error {
		_, err := w.UpdateMember(ctx(), a, p, "bob", MemberChange{RoleSID: &w.service.CreatorRole})
		return err
	}},
	{"move another's read horizon", 0, func(w *world, a account.Actor, p Place, _, _ Message) error {
		_, err := w.UpdateMember(ctx(), a, p, "bob", MemberChange{LastRead: ptr[int64](0)})
		return err
	}},
	{"speak for another", 0, func(w *world, a account.Actor, p Place, _, _ Message) error {
		_, _, err := w.SendTo(ctx(), a, p, NewMessage{Author: "bob", Body: "x"})
		return err
	}},
	{"change whose message it is", 0, func(w *world, a account.Actor, p Place, own, _ Message) error {
		_, err := w.UpdateMessage(ctx(), a, p, own.SID, MessageChange{Author: ptr("bob")})
		return err
	}},
	{"invite with a role", 0, func(w *world, a account.Actor, p Place, _, _ Message) error {
		_, err := w.CreateInvite(ctx(), a, p, NewInvite{Identity: "guest", RoleSID: w.service.CreatorRole})
		return err
	}},
}

// TestRoles_allowWhatTheyName tries every operation with a role that allows one thing only, for each thing that a role of a channel can allow, and
// with those of a new service.
func TestRoles_allowWhatTheyName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.UpdateService(ctx(), w.owner, w.service.SID, ServiceChange{UserChannels: ptr(1000)})
		want(t, err, 0)
		none := []string{"createChannel"} // of the service: nothing that counts in a channel
		_, err = w.UpdateRole(ctx(), w.owner, w.service.SID, w.service.ServiceRole, none)
		want(t, err, 0)
		_, err = w.CreateUser(ctx(), w.owner, w.service.SID, NewUser{Identity: "guest"})
		want(t, err, 0)
		sets := []permission.Set{}
		for bit := permission.AddMember; bit <= permission.EditNotificationLevel; bit <<= 1 {
			if _, err := permission.Parse(ScopeChannel, bit.Names()); err == nil {
				sets = append(sets, bit)
			}
		}
		for _, d := range permission.Defaults[2:] {
			sets = append(sets, d.Set)
		}
		for _, set := range sets {
			role, err := w.CreateRole(ctx(), w.owner, w.service.SID, NewRole{FriendlyName: "one", Scope: ScopeChannel, Permissions: set.Names()})
			want(t, err, 0)
			closed := w.scene(role) // what is refused changes nothing
			for _, o := range operations {
				if o.needs == 0 || set.Any(o.needs) {
					w.scene(role).try(o, 0)
				} else {
					closed.try(o, 50107)
				}
			}
		}
		all, err := w.CreateRole(ctx(), w.owner, w.service.SID, NewRole{FriendlyName: "all", Scope: ScopeChannel, Permissions: everything().Names()})
		want(t, err, 0)
		for i, o := range never {
			w.scene(all).try(o, []int{50205, 50107, 50107, 50107, 50107}[i])
		}
	})
}

// everything is all that a role of a channel can allow.
func everything() (all permission.Set) {
	for bit := permission.AddMember; bit <= permission.EditNotificationLevel; bit <<= 1 {
		if _, err := permission.Parse(ScopeChannel, bit.Names()); err == nil {
			all |= bit
		}
	}
	return all
}

// scene is a channel in which ada has a role, bob is, and each has said something.
type scene struct {
	w          *world
	role       Role
	place      Place
	own, other Message
}

func (w *world) scene(role Role) scene {
	w.t.Helper()
	ch := w.channel("bob")
	w.do(func(tx *db.Tx) error {
		_, err := w.AddMemberTx(tx, &ch, NewMember{Identity: "ada", RoleSID: role.SID})
		return err
	})
	return scene{w, role, w.place(ch), w.say(ch, "ada", "mine"), w.say(ch, "bob", "yours")}
}

// try tries an operation as a member with the role, and as one who is no member.
func (s scene) try(o operation, code int) {
	s.w.t.Helper()
	if err := o.do(s.w, s.w.as(account.RoleVisitor, "mallory"), s.place, s.own, s.other); codeOf(err) != 20404 && codeOf(err) != 50107 {
		s.w.t.Errorf("%s by a stranger: %v", o.name, err)
	}
	if err := o.do(s.w, s.w.as(account.RoleVisitor, "ada"), s.place, s.own, s.other); codeOf(err) != code {
		s.w.t.Errorf("%s with %s: %v, want %d", o.name, s.role.Permissions, err, code)
	}
}

func codeOf(err error) int {
	if err == nil {
		return 0
	}
	return fault.Of(err).Code
}
