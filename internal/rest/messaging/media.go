package messaging

import (
	"context"
	"errors"
	"strconv"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/messaging"
	"usher/internal/rest"
	"usher/internal/sid"
)

type mediaWire struct {
	SID         sid.SID `json:"sid"`
	AccountSID  string  `json:"account_sid"`
	ParentSID   string  `json:"parent_sid"`
	ContentType string  `json:"content_type"`
	DateCreated *string `json:"date_created"`
	DateUpdated *string `json:"date_updated"`
	URI         string  `json:"uri"`
}

type none struct{}

func (e *endpoint) messageMedia() rest.Mount {
	return rest.Resource[messaging.Item, none]{
		Path: messagePath + "/Media", Key: "media_list", Read: read, Write: send,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[messaging.Item], error) {
			return paged(e, ctx, c, func(actor account.Actor) (page db.PageOf[messaging.Item], err error) {
				m, err := e.Messages.Get(ctx, actor, c.SID("MessageSid"))
				if err != nil {
					return page, err
				}
				return slice(m.Media, p), nil
			})
		},
		Get: func(ctx context.Context, c *rest.Call) (messaging.Item, error) {
			actor, err := e.as(ctx, c)
			if err != nil {
				return messaging.Item{}, err
			}
			return e.item(ctx, c, actor)
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			actor, err := e.as(ctx, c)
			if err != nil {
				return err
			}
			return e.Messages.DeleteMedia(ctx, actor, c.SID("MessageSid"), c.SID("Sid"))
		},
		View: func(c *rest.Call, i messaging.Item) any {
			return mediaWire{
				SID: i.SID, AccountSID: c.Var("AccountSid"), ParentSID: c.Var("MessageSid"), ContentType: typeOf(&i),
				DateCreated: c.Date(i.CreatedAt), DateUpdated: c.Date(i.CreatedAt),
				URI: uri(c, "Messages", c.Var("MessageSid"), "Media", string(i.SID)+".json"),
			}
		},
	}
}

// slice is a page of a list that is all there: at most ten files.
func slice(all []messaging.Item, p db.Page) (page db.PageOf[messaging.Item]) {
	begin, err := strconv.Atoi(p.After)
	if err != nil || begin < 0 || begin > len(all) {
		begin = 0
	}
	end := min(begin+p.Size, len(all))
	if page.Items = all[begin:end]; end < len(all) {
		page.Next = strconv.Itoa(end)
	}
	return page
}

// item finds the file that the path names.
func (e *endpoint) item(ctx context.Context, c *rest.Call, actor account.Actor) (messaging.Item, error) {
	m, err := e.Messages.Get(ctx, actor, c.SID("MessageSid"))
	if err != nil {
		return messaging.Item{}, err
	}
	for _, i := range m.Media {
		if i.SID == c.SID("Sid") {
			return i, nil
		}
	}
	return messaging.Item{}, c.NotFound()
}

// fileAge is how long a reader may keep a file: it never changes.
const fileAge = time.Hour

// mediaContent answers a file's bytes, to whoever has credentials or a signed address.
func (e *endpoint) mediaContent() rest.Mount {
	return rest.Download{
		Path: messagePath + "/Media/{Sid}", Public: true,
		Do: func(ctx context.Context, c *rest.Call) (rest.Content, error) {
			file := c.SID("Sid")
			signed := e.Links.Valid(c.SID("AccountSid"), c.SID("MessageSid"), file, c.Query(messaging.LinkExpires), c.Query(messaging.LinkSignature), time.Now())
			if !signed {
				if c.Actor.Account == 0 {
					return rest.Content{}, fault.Unauthenticated()
				}
				if !c.Actor.Can(account.MessagingRead) {
					return rest.Content{}, fault.Forbidden("")
				}
				actor, err := e.as(ctx, c)
				if err != nil {
					return rest.Content{}, err
				}
				item, err := e.item(ctx, c, actor)
				if err != nil {
					return rest.Content{}, err
				}
				if !item.Kept || item.Lent {
					return rest.Content{}, c.NotFound()
				}
			}
			return e.open(ctx, c, file)
		},
	}
}

func (e *endpoint) open(ctx context.Context, c *rest.Call, file sid.SID) (rest.Content, error) {
	m, err := e.Files.Find(ctx, "", file)
	if err == nil && string(m.Message) != c.Var("MessageSid") {
		err = db.ErrNotFound
	}
	if fault.HasCode(err, 50507) || errors.Is(err, db.ErrNotFound) {
		return rest.Content{}, c.NotFound()
	}
	if err != nil {
		return rest.Content{}, err
	}
	body, err := e.Files.Open(ctx, m)
	if err != nil {
		return rest.Content{}, err
	}
	disposition := "attachment"
	if m.Inline() {
		disposition = "inline"
	}
	return rest.Content{
		Body: body, Type: m.Served(), Disposition: disposition, ETag: `"` + string(m.SID) + `"`, Modified: m.CreatedAt, MaxAge: fileAge,
	}, nil
}
