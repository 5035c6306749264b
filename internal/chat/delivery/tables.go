package delivery

import "usher/internal/db"

var deliveries = db.Table[Delivery]{
	Name: "chat_delivery",
	Row:  func(d *Delivery) *db.Row { return &d.Row },
	Columns: []db.Column[Delivery]{
		{Name: "channel_id", Field: func(d *Delivery) any { return &d.ChannelID }},
		{Name: "position", Field: func(d *Delivery) any { return &d.Index }},
	},
	Doc: func(d *Delivery) any { return &d.Document },
}
