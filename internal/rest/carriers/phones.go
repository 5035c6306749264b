package carriers

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"usher/internal/account"
	"usher/internal/inbound"
	"usher/internal/messaging"
	"usher/internal/messaging/carry"
	"usher/internal/rest"
	"usher/internal/sid"
)

// Phones are the phones on a screen of sandbox connections; *inbound.Phones has them.
type Phones interface {
	Write(ctx context.Context, actor account.Actor, connection sid.SID, w inbound.Writing) (id string, err error)
	Read(ctx context.Context, actor account.Actor, connection sid.SID, q inbound.Question) (list []messaging.Message, next time.Time, err error)
}

const phonePath = "/Connections/{Sid}/Phones/{Phone}/Messages"

type writing struct {
	Body string `form:"Body,required"`
	To   string `form:"To"`
	ID   string `form:"Id"`
	Name string `form:"ProfileName,max=100"`
}

// writtenWire answers what a phone has sent.
type writtenWire struct {
	ID string `json:"id"`
}

func writePhone(d Deps) rest.Mount {
	return rest.Op[writing, writtenWire]{
		Method: http.MethodPost, Path: phonePath, Status: http.StatusCreated, Grants: grants,
		Do: func(ctx context.Context, c *rest.Call, in writing) (writtenWire, error) {
			id, err := d.Phones.Write(ctx, c.Actor, c.SID("Sid"), inbound.Writing{
				Phone: c.Var("Phone"), To: in.To, Body: in.Body, ID: in.ID, Name: in.Name,
			})
			return writtenWire{id}, err
		},
	}
}

type reading struct {
	Number string `form:"Number"`
	Since  int64  `form:"Since,min=0"`
	Wait   int64  `form:"Wait,min=0,max=25"` // seconds
}

// phoneWire is what a phone shows. since is for the next question.
type phoneWire struct {
	Messages []phoneMessageWire `json:"messages"`
	Since    string             `json:"since"`
}

type phoneMessageWire struct {
	SID         sid.SID      `json:"sid"`
	Inbound     bool         `json:"inbound"` // written on the phone
	From        string       `json:"from"`
	To          string       `json:"to"`
	Body        string       `json:"body"`
	Status      carry.Status `json:"status"`
	ErrorCode   *int         `json:"error_code"`
	NumMedia    int          `json:"num_media"`
	DateCreated *string      `json:"date_created"`
}

func readPhone(d Deps) rest.Mount {
	return rest.Op[reading, phoneWire]{
		Method: http.MethodGet, Path: phonePath, Grants: grants,
		Do: func(ctx context.Context, c *rest.Call, in reading) (phoneWire, error) {
			q := inbound.Question{Phone: c.Var("Phone"), Number: in.Number, Wait: time.Duration(in.Wait) * time.Second}
			if in.Since > 0 {
				q.Since = time.UnixMicro(in.Since)
			}
			list, next, err := d.Phones.Read(ctx, c.Actor, c.SID("Sid"), q)
			w := phoneWire{Messages: []phoneMessageWire{}, Since: "0"}
			if !next.IsZero() {
				w.Since = strconv.FormatInt(next.UnixMicro(), 10)
			}
			for i := range list {
				m := &list[i]
				p := phoneMessageWire{
					SID: m.SID, Inbound: m.Inbound, From: m.From, To: m.To, Body: m.Body, Status: m.Status, NumMedia: len(m.Media),
					DateCreated: c.Date(m.CreatedAt),
				}
				if m.ErrorCode != 0 {
					p.ErrorCode = &m.ErrorCode
				}
				w.Messages = append(w.Messages, p)
			}
			return w, err
		},
	}
}
