#!/usr/bin/perl
# A carrier on Perl's Net::SMPP: it takes what is submitted, tells it in JSON lines, sends it back to its sender as a message from the
# recipient, and a receipt for it in optional parameters. The first long text that it takes is answered by hanging up. What it delivers is delivered again
# after a cut until it is answered with success.
use strict;
use warnings;
use Encode qw(decode);
use JSON::PP;
use Net::SMPP;

$| = 1;
my $json = JSON::PP->new->ascii->canonical;
sub say_ { print $json->encode({ @_ }), "\n" }

my $listener = Net::SMPP->new_listen('127.0.0.1', port => $ARGV[0] || 0, timeout => 60) or die "listen: $!";
say_(event => 'listening', port => $listener->sockport);
open my $parent, '<&', \*STDIN or die;
exit 0 unless defined(my $child = fork);
if ($child) { # ends the carrier when the test ends
    1 while <$parent>;
    kill 'TERM', $child;
    exit 0;
}

my ($ids, $cut, %halves) = (1000, 0);
my @queue;  # what has to be delivered: arguments of deliver_sm
my %sent;   # by sequence number

sub text {
    my ($coding, $octets) = @_;
    return $coding == 8 ? decode('UTF-16BE', $octets) : $octets;
}

# hear tells a message when all of its parts are there.
sub hear {
    my ($p) = @_;
    my %base = (event => 'message', from => $p->{source_addr}, to => $p->{destination_addr}, coding => $p->{data_coding});
    my $octets = length $p->{short_message} ? $p->{short_message} : $p->{message_payload} // '';
    return say_(%base, text => text($p->{data_coding}, $octets), parts => 1) unless $p->{esm_class} & 0x40;
    my ($length, $element, $size, $ref, $total, $part) = unpack 'C6', $octets;
    my $all = $halves{"$base{from} $base{to} $ref"} //= {};
    $all->{$part} = substr $octets, $length + 1;
    return if keys %$all < $total;
    delete $halves{"$base{from} $base{to} $ref"};
    say_(%base, text => text($p->{data_coding}, join '', map { $all->{$_} } 1 .. $total), parts => $total);
}

sub address { (source_addr_ton => 1, source_addr_npi => 1, dest_addr_ton => 1, dest_addr_npi => 1, source_addr => $_[0], destination_addr => $_[1]) }

sub flush_ {
    my ($c) = @_;
    my %under = map { $_ => 1 } map { $_->{n} } values %sent;
    for my $d (grep { !$under{ $_->{n} } } @queue) {
        my $seq = $c->deliver_sm(@{ $d->{args} }, async => 1);
        $sent{$seq} = $d;
    }
}

sub submitted {
    my ($c, $p) = @_;
    if ($p->{esm_class} & 0x40 and !$cut++) {
        $c->close;
        return 0;
    }
    my $id = $ids++;
    $c->submit_sm_resp(seq => $p->{seq}, status => 0, message_id => sprintf '%x', $id);
    hear($p);
    push @queue, {
        n => "echo $id",
        args => [
            address($p->{destination_addr}, $p->{source_addr}), esm_class => $p->{esm_class} & 0x40, data_coding => $p->{data_coding},
            short_message => $p->{short_message}, defined $p->{message_payload} ? (message_payload => $p->{message_payload}) : (),
        ],
    };
    push @queue, {
        n => "receipt $id",
        args => [
            address($p->{destination_addr}, $p->{source_addr}), esm_class => 4, short_message => '', receipted_message_id => "$id\0",
            message_state => pack('C', $p->{destination_addr} =~ /9$/ ? 5 : 2), network_error_code => pack('Cn', 3, 27),
        ],
    } if $p->{registered_delivery};
    flush_($c);
    return 1;
}

while (1) {
    my $c = $listener->accept or next;
    $c->set_version(0x34);
    %sent = ();
    while (my $p = $c->read_pdu) {
        if ($p->{cmd} == Net::SMPP::CMD_bind_transceiver) {
            my $ok = $p->{password} eq 'secret';
            $c->bind_transceiver_resp(seq => $p->{seq}, status => $ok ? 0 : 0x0e, system_id => 'perl');
            flush_($c) if $ok;
        } elsif ($p->{cmd} == Net::SMPP::CMD_submit_sm) {
            submitted($c, $p) or last;
        } elsif ($p->{cmd} == Net::SMPP::CMD_deliver_sm_resp) {
            my $d = delete $sent{ $p->{seq} } or next;
            @queue = grep { $_ != $d } @queue if $p->{status} == 0;
            say_(event => 'kept', id => $d->{n}, tries => $p->{status});
        } elsif ($p->{cmd} == Net::SMPP::CMD_enquire_link) {
            $c->enquire_link_resp(seq => $p->{seq});
        } elsif ($p->{cmd} == Net::SMPP::CMD_unbind) {
            $c->unbind_resp(seq => $p->{seq});
        }
    }
    $c->close;
}
