package chat

import (
	"context"
	"time"

	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/rest"
	"usher/internal/sid"
)

type memberForm struct {
	Identity    string              `form:"Identity,required,create"`
	RoleSID     rest.Opt[sid.SID]   `form:"RoleSid"`
	LastRead    rest.Opt[int64]     `form:"LastConsumedMessageIndex"`
	LastReadAt  rest.Opt[time.Time] `form:"LastConsumptionTimestamp"`
	DateCreated rest.Opt[time.Time] `form:"DateCreated"`
	DateUpdated rest.Opt[time.Time] `form:"DateUpdated"`
	Attributes  rest.Opt[string]    `form:"Attributes"`
}

type memberFilter struct {
	Identity []string `form:"Identity,comma"`
}

type memberWire struct {
	SID         sid.SID `json:"sid"`
	AccountSID  sid.SID `json:"account_sid"`
	ServiceSID  sid.SID `json:"service_sid"`
	ChannelSID  sid.SID `json:"channel_sid"`
	Identity    string  `json:"identity"`
	RoleSID     sid.SID `json:"role_sid"`
	LastRead    *int64  `json:"last_consumed_message_index"`
	LastReadAt  *string `json:"last_consumption_timestamp"`
	Attributes  string  `json:"attributes"`
	DateCreated *string `json:"date_created"`
	DateUpdated *string `json:"date_updated"`
	URL         string  `json:"url"`
}

// horizon refuses a read horizon before the first message.
func horizon(index rest.Opt[int64]) error {
	if index.Set && index.V < 0 {
		return fault.New(50406, "")
	}
	return nil
}

func members(s *chat.Chat) rest.Mount {
	return rest.Resource[chat.Member, memberForm]{
		Path: "/Services/{ServiceSid}/Channels/{ChannelSid}/Members", Key: "members", Read: anyone, Write: anyone, Filter: memberFilter{},
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[chat.Member], error) {
			var f memberFilter
			if err := c.Filter(&f); err != nil {
				return db.PageOf[chat.Member]{}, err
			}
			return s.ListMembers(ctx, c.Actor, channelOf(c, varChannel), f.Identity, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (chat.Member, error) {
			return s.GetMember(ctx, c.Actor, channelOf(c, varChannel), c.Var(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in memberForm) (chat.Member, error) {
			if err := horizon(in.LastRead); err != nil {
				return chat.Member{}, err
			}
			return s.AddMember(ctx, c.Actor, channelOf(c, varChannel), chat.NewMember{
				Identity: in.Identity, RoleSID: in.RoleSID.V, Attributes: in.Attributes.V, LastRead: in.LastRead.Ptr(),
				LastReadAt: in.LastReadAt.V, DateCreated: in.DateCreated.V, DateUpdated: in.DateUpdated.V,
			})
		},
		Update: func(ctx context.Context, c *rest.Call, in memberForm) (chat.Member, error) {
			if err := horizon(in.LastRead); err != nil {
				return chat.Member{}, err
			}
			return s.UpdateMember(ctx, c.Actor, channelOf(c, varChannel), c.Var(varItem), chat.MemberChange{
				RoleSID: in.RoleSID.Ptr(), Attributes: in.Attributes.Ptr(), LastRead: in.LastRead.Ptr(),
				LastReadAt: in.LastReadAt.V, DateCreated: in.DateCreated.V, DateUpdated: in.DateUpdated.V,
			})
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return s.RemoveMember(ctx, c.Actor, channelOf(c, varChannel), c.Var(varItem))
		},
		View: func(c *rest.Call, v chat.Member) any {
			w := memberWire{
				SID: v.SID, AccountSID: c.Actor.AccountSID, ServiceSID: v.ServiceSID, ChannelSID: v.ChannelSID, Identity: v.Identity,
				RoleSID: v.RoleSID, LastReadAt: c.Date(v.LastReadAt), Attributes: string(v.Attributes),
				DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt),
				URL: c.URL(channelPath(v.ServiceSID, v.ChannelSID), "/Members/", string(v.SID)),
			}
			if v.LastRead >= 0 {
				w.LastRead = &v.LastRead
			}
			return w
		},
	}
}
