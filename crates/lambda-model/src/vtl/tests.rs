//! Templates and what they give. The cases from AWS's documentation are in `tests/e2e/vtl_cases.json`, with the titles of
//! their pages; `tests/vtl_cases.rs` of this crate goes through them.

use std::rc::{Rc, Weak};

use proptest::prelude::*;
use serde_json::Value as Json;

use super::{Input, JsonPath, Map, Scope, Template, Value, json};

fn scope(body: &str) -> Scope {
    let map = |name: &str, value: &str| Map::from_iter([(name.to_owned(), Value::text(value))]);
    let parameters = [map("id", "7"), map("q", "a b"), map("X-Header", "it's")];
    let mut scope = Scope::new(Input::new(body, parameters));
    let context = serde_json::json!({"stage": "prod", "requestOverride": {"header": {}, "path": {}}});
    scope.set("context", context.into());
    scope
}

fn rendered(template: &str, body: &str) -> String {
    let template = Template::parse(template).unwrap();
    template.render(&mut scope(body)).unwrap()
}

fn check(template: &str, expected: &str) {
    let body = r#"{"b": {"c": [1, {"d": "x"}]}, "a": 1.50, "list": ["p", "q"], "no": null, "text": "t/ü"}"#;
    assert_eq!(rendered(template, body), expected, "{template}");
}

#[test]
fn references_are_replaced_and_the_rest_stays() {
    for (template, expected) in [
        ("plain $ 5$ #5 a#b \\n", "plain $ 5$ #5 a#b \\n"),
        ("$context.stage.", "prod."),
        ("${context.stage}s $!context.stage $!{context.stage}", "prods prod prod"),
        ("[$nothing] [$context.nothing.more] [$!nothing]", "[] [] []"),
        ("\\$context.stage \\\\$context.stage \\\\\\$nothing", "$context.stage \\prod \\$nothing"),
        ("\\#set($a = 1) \\#[x", "#set( = 1) \\#[x"),
        ("$input.path('$.list')[1] $input.path('$.list')[9]", "q "),
        ("$context.stage[x $context.stage[", "prod[x prod["),
        ("#[[ $context.stage #if ]]#", " $context.stage #if "),
        ("a## comment\nb#* more *#c", "abc"),
        ("${unclosed", "${unclosed"),
        ("#nomacro($context.stage)#fff", "#nomacro($context.stage)#fff"),
    ] {
        check(template, expected);
    }
}

#[test]
fn input_is_a_payload_and_parameters() {
    for (template, expected) in [
        ("$input.path('$.a') $input.path('$.b.c[1].d') $input.path('$.missing')|", "1.5 x |"),
        ("$input.path('$')", r#"{b={c=[1,{"d":"x"}]}, a=1.5, list=["p","q"], no=null, text=t/ü}"#),
        ("$input.path('$.list')", r#"["p","q"]"#),
        ("$input.json('$')", r#"{"b":{"c":[1,{"d":"x"}]},"a":1.5,"list":["p","q"],"no":null,"text":"t/ü"}"#),
        ("$input.json('$.missing') $input.json('$.no') $input.json('$.text')", r#""" null "t/ü""#),
        ("$input.params('id')$input.params('q')$input.params('X-Header')$input.params('x')", "7a bit's"),
        ("$input.params().path.id $input.params().header.get('X-Header')", "7 it's"),
        ("#foreach($k in $input.params().querystring.keySet())$k#end", "q"),
        ("$input.path('$.list').size() $input.path('$.list').length()", "2 "),
    ] {
        check(template, expected);
    }
    assert_eq!(rendered("$input.body $input.json('$') $input.json('$.x')", ""), r#"{} {} """#);
    assert_eq!(
        rendered("$input.body $input.path('$').split('&')[1] $input.json('$')", "a=1&b"),
        r#"a=1&b b "a=1&b""#
    );
}

#[test]
fn directives_do_what_velocity_says() {
    for (template, expected) in [
        ("#set($a = 1)\n  #set ( $b = $a + 2 )$b", "  3"),
        ("#if($a)yes#end", "yes"),
        ("#if($a == '')empty#{else}not#end", "empty"),
        ("#if(false)a#elseif(1 > 2)b#else\nc\n#end\nd", "c\nd"),
        ("#foreach($i in [1..3])$i#if($foreach.hasNext),#end#end", "1,2,3"),
        ("#foreach($i in [3..1])$foreach.index$velocityCount$i #end", "013 122 231 "),
        ("#foreach($i in [1, 2, 3])#if($i == 2)#break#end$i#end!", "1!"),
        ("#foreach($m in [[1,2],[3]])#foreach($n in $m)$foreach.parent.index$n #end#end", "01 02 13 "),
        ("#foreach($v in {'a': 1, 'b': 2})$v#end#foreach($v in 'text')x#end", "12"),
        ("#set($i = 5)#foreach($i in [1])#end$i", "5"),
        ("a#stop b", "a"),
        ("#define($d)<$x>#end#set($x = 1)$d#set($x = 2)$d", "<1><2>"),
        ("#macro(m $a $b)[$a$b]#end#m(1 2)#m('x', 'y')#m()", "[12][xy][]"),
        ("#macro(m)<$context.stage>#end#define($d)#m()#end$d", "<prod>"),
        ("#set($m = {})#set($m.k = 1)#set($m['l'] = [1, 2])#set($m.l[0] = 9)$m", "{k=1, l=[9, 2]}"),
        ("#set($q = \"${context.stage}-$context.stage #if(true)y#end\")$q", "prod-prod y"),
        ("#set($q = '$context.stage')$q#set($r = \"a\"\"b\")$r", "$context.stagea\"b"),
        ("#set($context.requestOverride.header.x = 'y')$context.requestOverride", "{header={x=y}, path={}}"),
    ] {
        check(template, expected);
    }
}

#[test]
fn expressions_have_values() {
    for (expression, expected) in [
        ("1 + 2 * 3 - -4", "11"),
        ("(1 + 2) * 3 % 4", "1"),
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("7 / 2.0", "3.5"),
        ("1 / 0", ""),
        ("'a' + 1 + 2", "a12"),
        ("1 < 2 && 2 <= 2 and !(3 gt 4) || false", "true"),
        ("1 == 1.0", "true"),
        ("'1' == 1", "true"),
        ("'a' != 'b'", "true"),
        ("'a' < 'b'", "false"),
        ("not true or false", "false"),
        ("[1, 'a', [true]]", "[1, a, [true]]"),
        ("{'a': 1, \"b\": {}}", "{a=1, b={}}"),
        ("$list.nothing", ""),
    ] {
        check(&format!("#set($x = {expression})$x"), expected);
    }
}

#[test]
fn methods_are_those_of_java() {
    for (call, expected) in [
        ("'Hello'.toUpperCase().substring(1, 3)", "EL"),
        ("'Hello'.length()", "5"),
        ("'a1b22'.replaceAll('[0-9]+', '<$0>')", "a<1>b<22>"),
        ("'a.b'.replace('.', '\\')", "a\\b"),
        ("'a,b,,'.split(',')", "[a, b]"),
        ("'a,b,c'.split(',', 2)", "[a, b,c]"),
        ("'abc'.indexOf('c') + 'abc'.lastIndexOf('x')", "1"),
        ("'abc'.contains('b')", "true"),
        ("'abc'.matches('[a-c]{3}')", "true"),
        ("'abc'.equals('abc')", "true"),
        ("' x '.trim().concat('y')", "xy"),
        ("$l.add(3)", "true"),
        ("$l.get(0)", "1"),
        ("$l.contains(2)", "true"),
        ("$l.remove(0)", "1"),
        ("$l.isEmpty()", "false"),
        ("$l.subList(0, 1)", "[1]"),
        ("$m.put('k', 2)", ""),
        ("$m.keySet()", "[a]"),
        ("$m.entrySet()[0].key", "a"),
        ("$m.containsKey('a')", "true"),
        ("$m.getOrDefault('z', 'd')", "d"),
        ("$m.size()", "1"),
        ("$m.unknown()", ""),
        ("$l.size().parseInt('12')", "12"),
    ] {
        let call = if call.starts_with('\'') { format!("#set($t = {call})$t") } else { call.to_owned() };
        let made = "#set($l = [1, 2])#set($m = {'a': 1})";
        // Java's texts have methods only by a name.
        let call = match call.strip_prefix("#set($t = '") {
            Some(rest) => {
                let (text, rest) = rest.split_once('\'').unwrap();
                let rest = rest.strip_suffix(")$t").unwrap();
                format!("#set($s = '{text}')#set($t = $s{})$t", rest.replace(" 'abc'.", " $s."))
            }
            None => call,
        };
        check(&format!("{made}{call}"), expected);
    }
}

#[test]
fn util_encodes() {
    for (call, expected) in [
        ("escapeJavaScript($input.params('X-Header'))", "it\\'s"),
        ("escapeJavaScript(\"a/b\"\"ü\")", "a\\/b\\\"\\u00FC"),
        ("urlEncode('a b/ü*')", "a+b%2F%C3%BC*"),
        ("urlDecode('a+b%2F')", "a b/"),
        ("base64Encode('abc')", "YWJj"),
        ("base64Decode('YWJj')", "abc"),
        ("parseJson('{\"a\":[1,2]}').a[1]", "2"),
        ("nothing('x')", ""),
    ] {
        check(&format!("$util.{call}"), expected);
    }
}

#[test]
fn what_is_no_template_is_refused() {
    for (template, line) in [
        ("#if(true)", 1),
        ("a\n#end", 2),
        ("#foreach($a in [1])", 1),
        ("#set($a)", 1),
        ("#set(a = 1)", 1),
        ("\n\n#if()x#end", 3),
        ("$a.b(", 1),
        ("#set($a = 'x)", 1),
        ("#if(true)#else#else#end#end", 1),
    ] {
        assert_eq!(Template::parse(template).unwrap_err().line, line, "{template}");
    }
    let deep = "#if(true)".repeat(1000) + &"#end".repeat(1000);
    assert_eq!(Template::parse(&deep).unwrap_err().what, "too deep");
    assert!(Template::parse(&format!("#set($a = {}1)", "(".repeat(1000))).is_err());
    assert!(Template::parse(&format!("#set($a = {}1)", "[".repeat(1000))).is_err());
}

#[test]
fn no_template_runs_for_ever() {
    let long = "#foreach($a in [1..1000])#foreach($b in [1..1000])#foreach($c in [1..1000])x#end#end#end";
    let growing = "#set($a = 'xxxxxxxxxx')#foreach($i in [1..1000])#set($a = $a + $a)#end";
    for template in [
        long,
        growing,
        "#macro(m)#m()#end#m()",
        "#define($d)$d#end$d",
        "#set($m = {})#set($m.m = $m)$m",
        "#set($l = [])#set($x = $l.add($l))$l",
        "#foreach($i in [1..1001])#end",
        "#set($s = 'abc')$s.substring(2, 9)",
        "#set($s = 'abc')$s.matches('(')",
        "#set($l = [])$l.get(0)",
        "$util.parseJson('{')",
        "$input.path('$[')",
    ] {
        let template = Template::parse(template).unwrap();
        assert!(template.render(&mut scope("")).is_err(), "{template:?}");
    }
}

#[test]
fn paths_are_those_of_jayway() {
    let store = r#"{"store": {"book": [{"t": "A", "price": 8.95, "n": 1}, {"t": "B", "price": 12, "isbn": "x"}, {"t": "C", "price": 9}],
        "bicycle": {"color": "red", "a-b": 1}}, "limit": 10}"#;
    let document = json::parse(store).unwrap();
    for (path, expected) in [
        ("$.store.bicycle.color", "\"red\""),
        ("$['store']['bicycle']['a-b']", "1"),
        ("$.store.bicycle.a-b", "1"),
        ("store.bicycle.color", "\"red\""),
        ("$.store.book[0].t", "\"A\""),
        ("$.store.book[-1].t", "\"C\""),
        ("$.store.book[*].t", r#"["A","B","C"]"#),
        ("$.store.book[0,2].t", r#"["A","C"]"#),
        ("$.store.book[0:2].t", r#"["A","B"]"#),
        ("$.store.book[-2:].t", r#"["B","C"]"#),
        ("$..price", "[8.95,12,9]"),
        ("$.store.*.color", r#"["red"]"#),
        ("$.store.book[?(@.isbn)].t", r#"["B"]"#),
        ("$.store.book[?(@.price < 10)].t", r#"["A","C"]"#),
        ("$.store.book[?(@.price < $.limit && @.t == 'A')].t", r#"["A"]"#),
        ("$.store.book[?(!(@.t in ['A', 'B']))].t", r#"["C"]"#),
        ("$.store.book.length()", "3"),
        ("$..price.max()", "12.0"),
        ("$.store.bicycle['color','none']", r#"{"color":"red"}"#),
        ("$..book[0].n", "[1]"),
    ] {
        let found = JsonPath::parse(path).unwrap().of(&document).unwrap();
        let mut text = String::new();
        json::write(&found, &mut text, 0).unwrap();
        assert_eq!(text, expected, "{path}");
    }
    for path in ["$.nothing", "$.store.book[7]", "$.limit.x", "$.store.book.t"] {
        assert!(JsonPath::parse(path).unwrap().of(&document).is_none(), "{path}");
    }
    for path in ["$[", "$.", "$['a", "$[?(@.a ==)]", "$a b", "$[1", "$..", "$[?((((@.a]"] {
        assert!(JsonPath::parse(path).is_err(), "{path}");
    }
    assert!(JsonPath::parse(&format!("$[?({}", "(".repeat(10_000))).is_err());
}

/// A thread of the server has 2 MB of stack, as one of a test.
#[test]
fn nothing_nests_without_end() {
    for (open, inner, close) in [
        ("#set($x = ", "(", ")"),
        ("#set($x = ", "[", "]"),
        ("#set($x = ", "{\"a\": ", "}"),
        ("#set($x = ", "!", ""),
        ("#set($x = ", "-", ""),
        ("#set($x = ", "$a.b(", ")"),
        ("#set($x = ", "$a[", "]"),
        ("", "#if(true)", "#end"),
        ("", "#foreach($i in [1])", "#end"),
        ("", "#define($d)", "#end"),
    ] {
        let template = format!("{open}{}1{}", inner.repeat(20_000), close.repeat(20_000));
        let template = if open.is_empty() { template } else { template + ")" };
        assert!(Template::parse(&template).is_err(), "{inner}");
    }
}

#[test]
fn chains_are_as_long_as_they_may_be() {
    let sum = |count: usize| format!("#set($x = 0{})$x", " + 1".repeat(count));
    assert_eq!(rendered(&sum(20_000), "{}"), "20000");
    assert_eq!(rendered(&format!("#if(false{})y#end", " || true".repeat(20_000)), "{}"), "y");
}

/// Each of these would take the memory of the machine, or hours.
#[test]
fn small_templates_do_no_large_things() {
    let big = "#set($a = 'aaaaaaaaaa')#foreach($i in [1..5])#set($a = $a.replace('a', 'aaaaaaaaaa'))#end";
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let wide = format!("[{}1]", "[[[[1,2]]]],".repeat(5_000));
    for (template, body) in [
        ("#set($x = 'aaaa')#foreach($i in [1..60])#set($x = [$x, $x])#end$x", "{}"),
        ("#set($x = 'aaaa')#foreach($i in [1..60])#set($x = {'a': $x, 'b': $x})#end#if($x == $x)1#end", "{}"),
        (&format!("{big}$a.replace('a', $a).length()"), "{}"),
        (&format!("{big}$a.replaceAll('a', $a).length()"), "{}"),
        (
            &format!("{big}$a.replaceAll('a+', '$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0').length()"),
            "{}",
        ),
        (&format!("{big}$a.split('').size()"), "{}"),
        (&format!("{big}$a.toCharArray().size()"), "{}"),
        (
            &format!(
                "{big}#foreach($i in [1..1000])#foreach($j in [1..200])#set($n = $a.contains('b'))#end#end"
            ),
            "{}",
        ),
        (
            "#set($a = 'a')#foreach($i in [1..1000])#foreach($j in [1..200])#set($n = $a.matches('\\w{50}'))#end#end",
            "{}",
        ),
        ("$input.path('$..*..*..*..*..*..*..*').size()", deep.as_str()),
        (
            "#foreach($i in [1..1000])#foreach($j in [1..200])#set($n = $input.path('$..*').size())#end#end",
            &wide,
        ),
    ] {
        let rendered = Template::parse(template).unwrap().render(&mut scope(body));
        assert!(rendered.is_err(), "{template} {rendered:?}");
    }
}

#[test]
fn macros_nest_as_deep_as_a_stack_takes() {
    let (ifs, ends) = ("#if(true)".repeat(50), "#end".repeat(50));
    let template = format!("#macro(m){ifs}#m(){ends}#end#m()");
    let error = Template::parse(&template).unwrap().render(&mut scope("{}")).unwrap_err();
    assert_eq!(error.0, "the template is too deep");
}

#[test]
fn what_a_template_nests_is_let_go_one_by_one() {
    let twice = |body: &str| format!("#foreach($i in [1..250])#foreach($j in [1..250]){body}#end#end");
    for body in ["#set($x = [$x])", "#set($x = {\"a\": $x})", "#set($y = [])$!y.add($x)#set($x = $y)"] {
        Template::parse(&twice(body)).unwrap().render(&mut scope("{}")).unwrap();
    }
}

#[test]
fn what_is_in_itself_is_let_go_too() {
    for template in [
        "#set($x = {})#set($x.me = $x)",
        "#set($x = [[]])$x.get(0).add($x)",
        "#set($x = {})$!x.put(\"me\", [$x])",
    ] {
        let mut scope = scope("{}");
        Template::parse(template).unwrap().render(&mut scope).unwrap();
        let (map, list) = match scope.get("x").unwrap() {
            Value::Map(map) => (Rc::downgrade(map), Weak::new()),
            Value::List { items, .. } => (Weak::new(), Rc::downgrade(items)),
            other => panic!("{other:?}"),
        };
        assert!(map.strong_count() + list.strong_count() > 0);
        drop(scope);
        assert_eq!((map.strong_count(), list.strong_count()), (0, 0), "{template}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in r#"([$#!{}()\[\].'"\\a-c0-2 =,:&|<>+*/%-]|#set|#if|#end|#else|#foreach|#macro|#define|\$input|\$util|in |\n){0,60}"#) {
        if let Ok(template) = Template::parse(&text) {
            let _ = template.render(&mut scope(r#"{"a": [1, {"b": 2}]}"#));
        }
    }

    #[test]
    fn text_without_signs_is_itself(text in "[^$#\\\\]{0,200}") {
        prop_assert_eq!(rendered(&text, ""), text);
    }

    #[test]
    fn quoted_text_is_itself(text in "[^']{0,80}") {
        let template = format!("#set($x = '{text}')$x");
        prop_assert_eq!(rendered(&template, ""), text);
    }

    #[test]
    fn json_comes_through(value in "[a-z\"\\\\\u{0}-\u{1f}ü€😀]{0,20}", number in any::<i64>(), list in prop::collection::vec(any::<bool>(), 0..4)) {
        let body = serde_json::json!({"z": value, "a": [number, list], "m": {"k": null}}).to_string();
        let through: Json = serde_json::from_str(&rendered("$input.json('$')", &body)).unwrap();
        prop_assert_eq!(through, serde_json::from_str::<Json>(&body).unwrap());
        let z = rendered("$input.path('$.z')", &body);
        prop_assert_eq!(z, value);
    }

    #[test]
    fn what_is_encoded_is_decoded(text in "\\PC{0,40}") {
        let body = Json::from(text.clone()).to_string();
        for (out, back) in [("urlEncode", "urlDecode"), ("base64Encode", "base64Decode")] {
            let template = format!("#set($x = $util.{out}($input.path('$')))$util.{back}($x)");
            prop_assert_eq!(rendered(&template, &body), text.clone());
        }
    }

    #[test]
    fn sums_are_those_of_numbers(left in -1_000_000_i64..1_000_000, right in -1_000_000_i64..1_000_000) {
        let found = rendered(&format!("#set($x = {left} + {right})$x #set($y = {left} * {right})$y"), "");
        prop_assert_eq!(found, format!("{} {}", left + right, left * right));
    }

    #[test]
    fn no_path_makes_it_panic(path in r#"[$.@\[\]()?*'"a-c0-2:,&|!<>= -]{0,40}"#) {
        if let Ok(path) = JsonPath::parse(&path) {
            let _ = path.of(&json::parse(r#"{"a": [1, {"b": [2]}], "b": {"c": "x"}}"#).unwrap());
        }
    }
}
