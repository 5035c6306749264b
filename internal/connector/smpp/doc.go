// Package smpp is a carrier at the other end of SMPP 3.4: an ESME that binds, submits messages in a window, and hears messages and receipts.
//
// # What is acknowledged
//
// A deliver_sm is answered with success only after the sink has kept it; else with ESME_RX_T_APPN, and the carrier keeps it and tries
// again. The parts of a long message are answered together, when the whole was kept. Until then they are in memory only and belong to the
// carrier. One that delivers the next part only after the answer to the last would wait forever: so parts that have waited for Hold
// are answered with ESME_RX_T_APPN too, but remembered, and answered with success when the carrier brings them again after the
// whole was kept. What is still not whole after Wait is kept as it is, with […] where a part is missing. So a part is lost
// neither when Usher dies nor when the rest never comes.
//
// # What comes twice
//
// deliver_sm has no name of its own unless the carrier sends receipted_message_id with it. The same text from the same sender is a
// second message, but for one case: the answer to the first may not have reached the carrier, because the link was cut, or the answer was late. Then
// what comes again is the same message. An answer has reached the carrier when it has answered an enquire_link that was sent after it.
// A crash of Usher between keeping and answering is not remembered; the message is then kept twice. A long message has a name of
// its own in that case too: its reference.
//
// # Sending
//
// A message is submitted once. Which parts a carrier has taken is remembered by the message's SID, also when its answer comes after Send gave up;
// a further try sends only what is missing. Throttling (0x58, 0x14) is a Refusal to be tried again, and holds back the whole connection for a while.
package smpp
