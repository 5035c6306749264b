package handoff

import (
	"context"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Join lets somebody of the desk into a customer's channel: the operation by which desks of the original add their agent after
// a reservation was accepted. Usher has done it by itself by then, so the usual answer is 45206, status 409, which those desks
// take for success. It returns the chat user.
//
// An agent joins only as itself, and only a channel whose task it holds; supervisors join any, as themselves; who may write in all
// channels also lets others in.
// Source: POST /v1/Channels/{CH}/Roles/{role}/Users of @twilio/flex-ui 1.34.6.
func (h *Handoff) Join(ctx context.Context, actor account.Actor, channel sid.SID, role account.Role, identity string) (sid.SID, error) {
	oversees := actor.Can(account.ChatRead)
	switch {
	case actor.Can(account.ChatWrite):
	case identity != actor.Identity, !oversees && (actor.Role != account.RoleAgent || role != account.RoleAgent):
		return "", fault.Forbidden("")
	}
	var user sid.SID
	err := h.db.Do(ctx, func(tx *db.Tx) error {
		c, err := h.flex.ChannelTx(tx, actor.Account, channel)
		if err != nil {
			return err
		}
		if !oversees {
			if err := h.mustHold(tx, actor, c.Task); err != nil {
				return err
			}
		}
		ch, err := h.chat.ChannelTx(tx, actor.Account, channel)
		if err != nil {
			return err
		}
		m, err := h.chat.AddMemberTx(tx, &ch, chat.NewMember{Identity: identity, Kind: chat.Agent})
		if fault.HasCode(err, memberExists) {
			return fault.New(45206, "")
		}
		user = m.UserSID
		return err
	})
	return user, err
}

func (h *Handoff) mustHold(tx *db.Tx, actor account.Actor, task *string) error {
	if task == nil || actor.Worker == "" {
		return fault.Forbidden("")
	}
	worker, err := h.tasks.WorkerTx(tx, actor.Account, actor.Worker)
	if err != nil {
		return fault.Forbidden("")
	}
	held, err := h.tasks.HoldsTx(tx, worker, sid.SID(*task))
	if err == nil && !held {
		err = fault.Forbidden("")
	}
	return err
}
