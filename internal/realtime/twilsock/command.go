package twilsock

import (
	"encoding/json"
	"strconv"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/fault"
	"usher/internal/realtime/socket"
	"usher/internal/sid"
)

// command is something that twilio-chat 3 and 4 push into their session.
type command struct {
	grant account.Grant
	run   func(k *call, p *params) (map[string]any, error)
}

// params are what commands say, of all together.
type params struct {
	Action       string          `json:"action"`
	Channel      string          `json:"channelSid"`
	FriendlyName *string         `json:"friendlyName"`
	UniqueName   *string         `json:"uniqueName"`
	Type         string          `json:"type"`
	Attributes   *string         `json:"attributes"`
	Username     string          `json:"username"`
	Member       string          `json:"memberSid"`
	Text         *string         `json:"text"`
	Media        string          `json:"mediaSid"`
	Index        json.RawMessage `json:"messageIdx"` // a number or a string
	Level        *string         `json:"notificationLevel"`
	Report       []consumption   `json:"report"`

	id string // that the client made for the command
}

type consumption struct {
	Channel string `json:"channelSid"`
	Index   *int64 `json:"messageIdx"`
}

// maxReport bounds how many channels one report may be about.
const maxReport = 200

// commands by their names on the wire.
var commands = map[string]command{
	"createChannel":         {account.ChatOwn, createChannelCommand},
	"destroyChannel":        {account.ChatOwn, func(k *call, p *params) (map[string]any, error) { return nil, k.deleteChannel(p.Channel) }},
	"joinChannelV2":         {account.ChatOwn, joinCommand},
	"leaveChannel":          {account.ChatOwn, leaveCommand},
	"addMemberV2":           {account.ChatOwn, addCommand},
	"inviteMember":          {account.ChatOwn, inviteCommand},
	"declineInvitation":     {account.ChatOwn, declineCommand},
	"removeMember":          {account.ChatOwn, removeCommand},
	"editMemberAttributes":  {account.ChatOwn, editMemberCommand},
	"sendMessage":           {account.ChatOwn, sendCommand},
	"sendMediaMessage":      {account.ChatOwn, sendMediaCommand},
	"editMessage":           {account.ChatOwn, editMessageCommand},
	"editMessageAttributes": {account.ChatOwn, editMessageCommand},
	"deleteMessage":         {account.ChatOwn, deleteMessageCommand},
	"editAttributes":        {account.ChatOwn, editChannelCommand},
	"editFriendlyName":      {account.ChatOwn, editChannelCommand},
	"editUniqueName":        {account.ChatOwn, editChannelCommand},
	"editNotificationLevel": {account.ChatOwn, editLevelCommand},
	"editUserFriendlyName":  {account.ChatOwn, editUserCommand},
	"editUserAttributes":    {account.ChatOwn, editUserCommand},
	"consumptionReportV2":   {account.ChatOwn, reportCommand},
}

// command answers the response to a command: always one, because clients wait for it without an end.
func (k *call) command(request json.RawMessage, id string) map[string]any {
	var p params
	err := json.Unmarshal(request, &p)
	cmd, known := commands[p.Action]
	if len(id) <= 128 {
		p.id = id
	}
	var result map[string]any
	switch {
	case err != nil:
		err = fault.Invalid("The command is not what it should be").With(err)
	case !known:
		err = fault.Invalid("Unknown command")
	case !k.actor.Can(cmd.grant):
		err = fault.Forbidden("Forbidden")
	default:
		result, err = cmd.run(k, &p)
	}
	if err != nil {
		e := socket.Fault(err)
		if e.Kind == fault.KindInternal {
			k.conn.srv.o.Logger.Error("twilsock: command failed", "error", err)
		}
		return map[string]any{"status": e.Status(), "statusText": e.Message, "code": e.Code}
	}
	if result == nil {
		result = make(map[string]any, 2)
	}
	result["status"], result["statusText"] = 200, "OK"
	return result
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func createChannelCommand(k *call, p *params) (map[string]any, error) {
	ch, err := k.rooms().CreateChannel(k, k.actor, k.actor.ChatService, chat.NewChannel{
		FriendlyName: text(p.FriendlyName), UniqueName: text(p.UniqueName), Attributes: text(p.Attributes), Private: p.Type == "private",
		CreatedBy: k.actor.Identity,
	})
	return map[string]any{"channelSid": ch.SID, "channel": string(ch.SID) + kinds[document].suffix}, err
}

func joinCommand(k *call, p *params) (map[string]any, error) {
	_, err := k.add(p.Channel, k.actor.Identity, "")
	return nil, err
}

func leaveCommand(k *call, p *params) (map[string]any, error) {
	return nil, k.rooms().RemoveMember(k, k.actor, k.place(p.Channel), k.actor.Identity)
}

func addCommand(k *call, p *params) (map[string]any, error) {
	_, err := k.add(p.Channel, p.Username, "")
	return nil, err
}

func inviteCommand(k *call, p *params) (map[string]any, error) {
	_, err := k.rooms().CreateInvite(k, k.actor, k.place(p.Channel), chat.NewInvite{Identity: p.Username})
	return nil, err
}

func declineCommand(k *call, p *params) (map[string]any, error) {
	return nil, k.rooms().DeleteInvite(k, k.actor, k.place(p.Channel), k.actor.Identity)
}

func removeCommand(k *call, p *params) (map[string]any, error) {
	who := p.Member
	if who == "" {
		who = p.Username
	}
	return nil, k.rooms().RemoveMember(k, k.actor, k.place(p.Channel), who)
}

func editMemberCommand(k *call, p *params) (map[string]any, error) {
	_, err := k.rooms().UpdateMember(k, k.actor, k.place(p.Channel), p.Member, chat.MemberChange{Attributes: p.Attributes})
	return nil, err
}

func sendCommand(k *call, p *params) (map[string]any, error) {
	m, err := k.send(p.Channel, chat.NewMessage{Body: text(p.Text), Attributes: text(p.Attributes), ClientID: p.id, Media: sid.SID(p.Media)})
	return map[string]any{"messageId": m.Index}, err
}

func sendMediaCommand(k *call, p *params) (map[string]any, error) {
	if p.Media == "" {
		return nil, fault.New(50506, "")
	}
	return sendCommand(k, p)
}

// message finds the message at an index.
func (k *call) messageAt(p *params) (sid.SID, error) {
	var index int64
	var digits string
	err := json.Unmarshal(p.Index, &index)
	if err != nil && json.Unmarshal(p.Index, &digits) == nil {
		index, err = strconv.ParseInt(digits, 10, 64)
	}
	if err != nil || index < 0 {
		return "", fault.New(50500, "")
	}
	before := index + 1
	list, err := k.rooms().History(k, k.actor, sid.SID(p.Channel), &before, 1)
	if err == nil && (len(list) == 0 || list[0].Index != index) {
		err = fault.New(50500, "")
	}
	if err != nil {
		return "", err
	}
	return list[0].SID, nil
}

func editMessageCommand(k *call, p *params) (map[string]any, error) {
	m, err := k.messageAt(p)
	if err != nil {
		return nil, err
	}
	_, err = k.rooms().UpdateMessage(k, k.actor, k.place(p.Channel), m, chat.MessageChange{Body: p.Text, Attributes: p.Attributes})
	return nil, err
}

func deleteMessageCommand(k *call, p *params) (map[string]any, error) {
	m, err := k.messageAt(p)
	if err != nil {
		return nil, err
	}
	return nil, k.rooms().DeleteMessage(k, k.actor, k.place(p.Channel), m)
}

func editChannelCommand(k *call, p *params) (map[string]any, error) {
	_, err := k.rooms().UpdateChannel(k, k.actor, k.place(p.Channel), chat.ChannelChange{
		FriendlyName: p.FriendlyName, UniqueName: p.UniqueName, Attributes: p.Attributes,
	})
	return nil, err
}

func editLevelCommand(k *call, p *params) (map[string]any, error) {
	_, err := k.rooms().UpdateUserChannel(k, k.actor, k.actor.ChatService, k.actor.Identity, p.Channel, chat.UserChannelChange{Notification: p.Level})
	return nil, err
}

func editUserCommand(k *call, p *params) (map[string]any, error) {
	_, err := k.rooms().UpdateUser(k, k.actor, k.actor.ChatService, p.Username, chat.UserChange{FriendlyName: p.FriendlyName, Attributes: p.Attributes})
	return nil, err
}

// reportCommand moves read horizons. Each channel of the report is answered, or the client takes all of it as failed.
func reportCommand(k *call, p *params) (map[string]any, error) {
	if len(p.Report) > maxReport {
		return nil, fault.Invalid("At most %d channels are allowed", maxReport)
	}
	report := make([]map[string]any, 0, len(p.Report))
	for _, r := range p.Report {
		index := int64(-1)
		if r.Index != nil {
			index = *r.Index
		}
		uc, err := k.rooms().UpdateUserChannel(k, k.actor, k.actor.ChatService, k.actor.Identity, r.Channel, chat.UserChannelChange{LastRead: &index})
		if err != nil {
			return nil, err
		}
		report = append(report, map[string]any{"channelSid": r.Channel, "unreadMessagesCount": uc.Unread()})
	}
	return map[string]any{"report": report}, nil
}
