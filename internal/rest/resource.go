package rest

import (
	"context"
	"net/http"
	"reflect"
	"strconv"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
)

// Resource is a collection and its items. A verb that is nil answers 405.
type Resource[T, In any] struct {
	Path string // the collection: "/Services/{ServiceSid}/Channels"
	Item string // variable of the item: "Sid" when empty
	Key  string // key of the array in a page: "channels"

	Read, Write []account.Grant // an actor needs one of them; for GET and for everything else

	Filter any // zero value of the struct that List reads with Call.Filter; nil = no filters

	List    func(ctx context.Context, c *Call, p db.Page) (db.PageOf[T], error)
	Get     func(ctx context.Context, c *Call) (T, error)
	Create  func(ctx context.Context, c *Call, in In) (T, error)
	Update  func(ctx context.Context, c *Call, in In) (T, error)
	Delete  func(ctx context.Context, c *Call) error
	Version func(v T) int64 // row version, for ETag and If-Match; nil = neither

	View func(c *Call, v T) any // the wire's form of an item
}

func (d Resource[T, In]) routes() []*route {
	form, err := planOf(reflect.TypeFor[In]())
	item := d.Path + "/{" + d.Item + "}"
	if d.Item == "" {
		item = d.Path + "/{Sid}"
	}
	var out []*route
	if d.List != nil {
		r := &route{method: http.MethodGet, path: d.Path, grants: d.Read, run: d.list}
		if d.Filter != nil {
			r.filter, r.err = planOf(reflect.TypeOf(d.Filter))
		}
		out = append(out, r)
	}
	if d.Create != nil {
		out = append(out, &route{
			method: http.MethodPost, path: d.Path, grants: d.Write, form: form, mode: onCreate, err: err,
			run: func(ctx context.Context, c *Call) (answer, error) {
				return d.write(ctx, c, d.Create, http.StatusCreated)
			},
		})
	}
	if d.Get != nil {
		out = append(out, &route{method: http.MethodGet, path: item, grants: d.Read, run: d.get})
	}
	if d.Update != nil {
		out = append(out, &route{
			method: http.MethodPost, path: item, grants: d.Write, form: form, mode: onUpdate, err: err,
			run: func(ctx context.Context, c *Call) (answer, error) {
				if err := d.fits(ctx, c); err != nil {
					return answer{}, err
				}
				return d.write(ctx, c, d.Update, http.StatusOK)
			},
		})
	}
	if d.Delete != nil {
		out = append(out, &route{method: http.MethodDelete, path: item, grants: d.Write, run: d.remove})
	}
	return out
}

func (d Resource[T, In]) list(ctx context.Context, c *Call) (answer, error) {
	at, err := c.pageAsked()
	if err != nil {
		return answer{}, err
	}
	for range at.skip { // Page=N without a token: the pages before it are read and dropped
		page, err := d.List(ctx, c, db.Page{Size: at.size, After: at.after})
		if err != nil {
			return answer{}, err
		}
		if page.Next == "" {
			return answer{status: http.StatusOK, list: &listing{key: d.Key, at: at}}, nil
		}
		at.push(page.Next)
	}
	page, err := d.List(ctx, c, db.Page{Size: at.size, After: at.after})
	if err != nil {
		return answer{}, err
	}
	l := &listing{key: d.Key, at: at, next: page.Next, items: make([]any, len(page.Items))}
	for i := range page.Items {
		l.items[i] = d.View(c, page.Items[i])
	}
	return answer{status: http.StatusOK, list: l}, nil
}

func (d Resource[T, In]) get(ctx context.Context, c *Call) (answer, error) {
	v, err := d.Get(ctx, c)
	if err != nil {
		return answer{}, err
	}
	return d.answer(c, v, http.StatusOK), nil
}

func (d Resource[T, In]) write(ctx context.Context, c *Call, verb func(context.Context, *Call, In) (T, error), status int) (answer, error) {
	var in In
	if err := c.decode(reflect.ValueOf(&in).Elem()); err != nil {
		return answer{}, err
	}
	v, err := verb(ctx, c, in)
	if err != nil {
		return answer{}, err
	}
	return d.answer(c, v, status), nil
}

func (d Resource[T, In]) remove(ctx context.Context, c *Call) (answer, error) {
	if err := d.fits(ctx, c); err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, d.Delete(ctx, c)
}

// fits compares an If-Match with the version of the item as it is now.
func (d Resource[T, In]) fits(ctx context.Context, c *Call) error {
	if c.IfVersion == 0 || d.Version == nil || d.Get == nil {
		return nil
	}
	v, err := d.Get(ctx, c)
	if err != nil {
		return err
	}
	if d.Version(v) != c.IfVersion {
		return errPrecondition()
	}
	return nil
}

func (d Resource[T, In]) answer(c *Call, v T, status int) answer {
	a := answer{status: status, body: d.View(c, v)}
	if d.Version != nil {
		a.etag = `"` + strconv.FormatInt(d.Version(v), 10) + `"`
	}
	return a
}

// Op is an operation that is none of a Resource's five: a singleton, statistics, a JSON body, an unauthenticated call.
type Op[In, Out any] struct {
	Method string
	Path   string
	Grants []account.Grant // an actor needs one of them
	Public bool            // no credentials asked for; Call.Actor is the zero Actor unless good ones came anyway
	JSON   bool            // the body is a JSON document for In's json tags, not a form
	Status int             // of a success: 200 when 0; 204 sends no body
	// Do gets the decoded body of a POST, or the decoded query of a GET, and returns the wire's form of the answer.
	Do func(ctx context.Context, c *Call, in In) (Out, error)
}

func (d Op[In, Out]) routes() []*route {
	r := &route{
		method: d.Method, path: d.Path, grants: d.Grants, public: d.Public, json: d.JSON, mode: onCreate,
		run: func(ctx context.Context, c *Call) (answer, error) {
			var in In
			if err := c.decode(reflect.ValueOf(&in).Elem()); err != nil {
				return answer{}, err
			}
			out, err := d.Do(ctx, c, in)
			a := answer{status: d.Status, body: out}
			if a.status == 0 {
				a.status = http.StatusOK
			}
			return a, err
		},
	}
	if !d.JSON {
		r.form, r.err = planOf(reflect.TypeFor[In]())
	}
	return []*route{r}
}

func errPrecondition() error {
	return fault.PreconditionFailed("The resource has changed since the version that If-Match names")
}
