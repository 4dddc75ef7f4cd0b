# Runs a Perl script as the agent wants it. A constant: what comes from the tenant is read from the files beside it.
#   main.pl, args.json   the script and its arguments
# Writes one record to fd 5: R + JSON (result), E + JSON (exception), S + JSON (syntax error), I + JSON (result is not JSON),
# X + exit code.
package Millrace::Wrapper;
use strict;
use warnings;
use JSON::PP ();
use B ();
use Scalar::Util ();

BEGIN {
    # Since 5.36 Perl knows which values are the outcome of a comparison.
    *is_bool = $] >= 5.036 ? \&builtin::is_bool : sub { 0 };
}

our $HERE = __FILE__ =~ m{^(.*)/[^/]*\z}s ? $1 : '.';
our $FILE = 'main.pl';
our $MAX_TEXT = 16_000;
our $MAX_DEPTH = 128;
our $PID = $$;
our $BEGUN = 0;
our $REPORTED = 0;
our $STACK = '';
# Not inherited by children: the number is above $^F.
open our $PIPE, '>&=', 5 or die "no record: $!";
binmode $PIPE;

sub run {
    # Text in, text out: the script is read as UTF-8, its arguments are characters, and so is what it prints.
    binmode STDOUT, ':utf8';
    binmode STDERR, ':utf8';
    select((select(STDOUT), $| = 1)[0]);
    $0 = "$HERE/$FILE";
    local $SIG{__DIE__} = sub { $STACK = stack_here() if (caller 0)[1] ne __FILE__ };
    my $loaded = eval { load(); 1 };
    return fail($@) if !$loaded;
    my @result;
    my $called = eval { @result = call_main(); 1 };
    return fail($@) if !$called;
    return report_result(@result > 1 ? \@result : $result[0]);
}

# Through a hook, so that messages and caller() name the file without its folder, and __DATA__ works.
# The first statement runs when the whole file has been compiled.
sub load {
    my $begin = 'package main; BEGIN { shift @INC; delete $INC{"main.pl"} } use utf8; $Millrace::Wrapper::BEGUN = 1;';
    $begin .= "\n#line 1 \"$FILE\"\n";
    unshift @INC, sub {
        open my $source, '<', "$HERE/$FILE" or die "$FILE: $!";
        return (\$begin, $source);
    };
    read_script();
    return;
}

sub call_main {
    my $text = slurp("$HERE/args.json");
    # Objects for big numbers, which take long to load: only where there are any.
    my $big = $text =~ /[0-9]{16}/;
    my $args = JSON::PP->new->utf8->allow_bignum($big)->max_depth(1000)->decode($text);
    plain_number($args) if $big;
    my $main = main->can('main');
    if (!$main) {
        die Millrace::Fault->new('NoMain', 'the script defines no sub `main` and takes no arguments') if %$args;
        return; # The file as a whole was the script.
    }
    return $main->(arguments_for(declared(), $args));
}

# In the order of the declaration; what it does not name follows as pairs of name and value, if there is a hash for them.
sub arguments_for {
    my ($declared, $args) = @_;
    my %left = %$args;
    my @names = map { $_->{name} } @{ $declared->{parameters} };
    delete @left{@names};
    if (%left && !$declared->{open}) {
        my $takes = join(', ', grep { length } @names) || 'none';
        my ($first) = sort keys %left;
        die Millrace::Fault->new('UnknownArgument', "main takes no argument `$first`; it takes: $takes");
    }
    my (@given, $left_out);
    for my $parameter (@{ $declared->{parameters} }) {
        my ($name, $kind) = @$parameter{qw(name kind)};
        if (exists $args->{$name}) {
            die Millrace::Fault->new('InvalidArgument', "the argument `$name` cannot be given without `$left_out`: both are positional")
                if defined $left_out && $kind eq 'optional';
            push @given, $args->{$name};
        } elsif ($kind eq 'required') {
            die Millrace::Fault->new('MissingArgument', "main needs the argument `$name`, which was not given");
        } elsif ($kind eq 'optional') {
            $left_out = $name;
        } else {
            push @given, undef;
        }
    }
    pop @given while !%left && @given && !defined $given[-1] && !exists $args->{ $names[$#given] };
    return (@given, map { ($_ => $left{$_}) } sort keys %left);
}

# What main takes, from the beginning of its source: a signature, `my (...) = @_`, or lines with `shift` or `$_[0]`. Perl itself does not know.
# Without any of them everything is passed as pairs.
sub declared {
    my $source = slurp("$HERE/$FILE");
    utf8::decode($source);
    $source =~ s/^__(?:END|DATA)__\b.*//ms;
    $source =~ s/^=[a-zA-Z].*?(?:^=cut\b[^\n]*|\z)//gms;
    return { parameters => [], open => 1 } if $source !~ /^\h*sub\s+main\b\s*(?:(\((?:[^()]|(?1))*\))\s*)?\{/gcm;
    my $list = $1;
    return read_list(substr($list, 1, -1), 'signature') if defined $list && $list =~ /[\$\@%]\w/;
    my @shifted;
    while (1) {
        $source =~ /\G(?:\s|#[^\n]*\n|;)+/gc;
        if ($source =~ /\Gmy\s*\$(\w+)\s*=\s*shift\b\s*(?:\(\s*(?:\@_)?\s*\)|\@_)?[^;]*;/gc) {
            push @shifted, { name => $1, kind => 'loose' };
            next;
        }
        if ($source =~ /\Gmy\s*\$(\w+)\s*=\s*\$_\[\s*([0-9]{1,2})\s*\][^;]*;/gc) {
            $shifted[$2] = { name => $1, kind => 'loose' };
            next;
        }
        $_ //= { name => '', kind => 'loose' } for @shifted;
        my $rest = $source =~ /\Gmy\s*(?:\(([^()]*)\)|([\@%]\w+))\s*=\s*\@_/gc ? read_list($1 // $2, 'loose') : undef;
        return { parameters => [@shifted, @{ $rest->{parameters} }], open => $rest->{open} } if $rest;
        return { parameters => \@shifted, open => !@shifted };
    }
}

sub read_list {
    my ($text, $style) = @_;
    my (@parameters, $open);
    # A default may hold brackets with commas in them.
    while ($text =~ /\G\s*(?:#[^\n]*\n\s*)*(?:([\$\@%])(\w*)|undef)((?:[^,()\[\]{}]|(\((?:[^()]|(?4))*\))|(\[(?:[^\[\]]|(?5))*\])|(\{(?:[^{}]|(?6))*\}))*)(?:,|\z)/gc) {
        my ($sigil, $name, $default) = ($1 // '$', $2 // '', $3);
        if ($sigil ne '$') {
            $open = $sigil eq '%';
            last;
        }
        my $kind = $style eq 'loose' ? 'loose' : $default =~ /=/ ? 'optional' : 'required';
        push @parameters, { name => $name, kind => $name eq '' ? 'loose' : $kind };
    }
    return { parameters => \@parameters, open => $open };
}

# With allow_bignum every number with a fraction is an object, and only numbers beyond 64 bits have to be.
sub plain_number {
    my ($value) = @_;
    if (ref $value eq 'HASH') { $_ = plain_number($_) for values %$value }
    elsif (ref $value eq 'ARRAY') { $_ = plain_number($_) for @$value }
    elsif (ref $value eq 'Math::BigFloat') { return 0 + $value->bstr }
    return $value;
}

sub slurp {
    my ($path) = @_;
    local $/;
    open my $file, '<:raw', $path or die "$path: $!";
    return scalar <$file>;
}

sub report_result {
    my ($result) = @_;
    my $text = eval { text_of($result, '$', 0, {}) };
    if (defined $text) {
        utf8::encode($text);
        write_record('R', $text);
        return 0;
    }
    my $fault = ref $@ eq 'Millrace::Fault' ? $@ : { kind => '$', message => "$@" };
    write_fields('I', path => $fault->{kind}, message => $fault->{message});
    return 1;
}

# JSON::PP would write numbers with 15 digits and infinity as it is.
sub text_of {
    my ($value, $path, $depth, $above) = @_;
    my $type = ref $value;
    return scalar_text($value, $path) if $type eq '';
    return $value ? 'true' : 'false' if $type eq 'JSON::PP::Boolean';
    return "$value" if $type =~ /^Math::Big(?:Int|Float)\z/ && "$value" !~ /NaN|inf/i;
    return $$value ? 'true' : 'false' if $type eq 'SCALAR' && defined $$value && $$value =~ /^[01]\z/;
    if ($type ne 'HASH' && $type ne 'ARRAY') {
        my $converts = Scalar::Util::blessed($value) && $value->can('TO_JSON') && $depth < $MAX_DEPTH;
        return text_of($value->TO_JSON, $path, $depth + 1, $above) if $converts;
        unfit($path, "a value of type $type is not JSON");
    }
    unfit($path, 'the value contains itself') if $above->{ 0 + $value };
    unfit($path, "nested deeper than $MAX_DEPTH levels") if $depth >= $MAX_DEPTH;
    local $above->{ 0 + $value } = 1;
    if ($type eq 'ARRAY') {
        return '[' . join(',', map { text_of($value->[$_], "${path}[$_]", $depth + 1, $above) } 0 .. $#$value) . ']';
    }
    return '{' . join(',', map { string_text($_) . ':' . text_of($value->{$_}, "$path.$_", $depth + 1, $above) } sort keys %$value) . '}';
}

sub scalar_text {
    my ($value, $path) = @_;
    return 'null' if !defined $value;
    no warnings; # That is_bool may still change.
    return $value ? 'true' : 'false' if is_bool($value);
    my $flags = B::svref_2object(\$value)->FLAGS;
    return string_text($value) if $flags & B::SVf_POK() || !($flags & (B::SVf_IOK() | B::SVf_NOK()));
    return "$value" if $flags & B::SVf_IOK();
    unfit($path, "$value is not a JSON number") if $value != $value || abs $value == 9**9**9;
    # As few digits as give the same number again.
    for my $digits (15, 16, 17) {
        my $text = sprintf "%.${digits}g", $value;
        return $text if $text == $value;
    }
    return "$value";
}

our %ESCAPES = ("\n" => '\n', "\r" => '\r', "\t" => '\t', '"' => '\"', '\\' => '\\\\');

sub string_text {
    my ($text) = @_;
    $text =~ s{(["\\\x00-\x1f])}{$ESCAPES{$1} // sprintf '\u%04x', ord $1}ge;
    return "\"$text\"";
}

sub unfit { die Millrace::Fault->new(@_) }

sub fail {
    my ($error) = @_;
    if (ref $error eq 'Millrace::Fault') {
        write_fields('E', name => $error->{kind}, message => $error->{message});
    } elsif (!$BEGUN && $error !~ /BEGIN failed--|did not return a true value|^Can't locate /) {
        report_syntax($error);
    } else {
        report_error($error);
    }
    return 1;
}

sub report_syntax {
    my ($error) = @_;
    my ($message, $line) = $error =~ /^(.*?) at \Q$FILE\E line (\d+)/s ? ($1, $2) : ($error, 0);
    my @fields = (message => $message =~ s/\s+\z//r, line => 0 + $line);
    if ($line > 0) {
        my $text = (split /\n/, slurp("$HERE/$FILE"), $line + 1)[$line - 1];
        utf8::decode($text) if defined $text;
        push @fields, text => $text if defined $text;
    }
    write_fields('S', @fields);
    return;
}

sub report_error {
    my ($error) = @_;
    my $errno = 0 + $!;
    my $text = eval { message_of($error) } // '(its text cannot be read)';
    my $place = '';
    $place = $1 if !ref $error && $text =~ s/( at \S+ line \d+)(?:, <\S+> (?:line|chunk) \d+)?\.\n\z//;
    my @code = $errno == 28 && $text =~ /No space left on device/ ? (code => 'ENOSPC') : ();
    write_fields('E', name => ref $error || 'Error', message => $text, stack => "$text$place\n$STACK", @code);
    return;
}

sub message_of {
    my ($error) = @_;
    return "$error" if !ref $error;
    for my $method (qw(message msg)) {
        return '' . $error->$method if Scalar::Util::blessed($error) && $error->can($method);
    }
    return '' . $error->{message} if "$error" =~ /\bHASH\(0x[0-9a-f]+\)\z/ && defined $error->{message};
    return "$error";
}

# Lines of the script and its modules, innermost first.
sub stack_here {
    my @lines;
    for (my $level = 1; @lines < 50 && (my @frame = caller $level); $level++) {
        my (undef, $file, $line, $sub) = @frame;
        next if $file eq __FILE__;
        push @lines, "\tat $file line $line" . ($sub =~ /^Millrace::|^\(eval\)/ ? '' : ", calling $sub");
    }
    return join "\n", @lines;
}

sub clip {
    my ($text) = @_;
    return length $text <= $MAX_TEXT ? $text : substr($text, 0, $MAX_TEXT / 2) . "\n\x{2026}\n" . substr($text, -$MAX_TEXT / 2);
}

sub write_fields {
    my ($kind, %fields) = @_;
    $fields{$_} = clip($fields{$_}) for grep { $_ ne 'line' } keys %fields;
    write_record($kind, JSON::PP->new->utf8->encode(\%fields));
    return;
}

sub write_record {
    my ($kind, $data) = @_;
    # A child made by fork came back through main: the result is the parent's.
    return if $$ != $PID || $REPORTED;
    $REPORTED = 1;
    $data = $kind . $data;
    for (my $at = 0; $at < length $data;) {
        my $written = syswrite $PIPE, $data, 65_536, $at;
        next if !defined $written && $! == 4; # EINTR
        last if !defined $written;
        $at += $written;
    }
    return;
}

package Millrace::Fault;

# The arguments do not fit main, or (with a path in the place of the name) the result is not JSON.
sub new {
    my ($class, $kind, $message) = @_;
    return bless { kind => $kind, message => $message }, $class;
}

package Millrace::Wrapper;

my $status = run();
END {
    # exit() of the script comes here; what it wrote after main's result does not count.
    my $code = $?;
    Millrace::Wrapper::write_record('X', $code) if $$ == $PID;
    $? = $code;
}
exit $status;

# No variables above may be seen here.
sub read_script {
    package main;
    no strict;
    no warnings;
    do 'main.pl' // (length $@ ? die $@ : ());
}
