package charset

import (
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// scripture has sentences as business documents have them: a short one, a row of a table, and a paragraph.
var scripture = map[string][]string{
	"Japanese": {
		"契約解除の通知は三十日前までに行うものとする。",
		"氏名,部署,内線\n佐藤花子,総務部,4471\n鈴木一郎,経理課,5502\n",
		"本装置を運転する前に、必ず取扱説明書をお読みください。ポンプの吐出圧力は0.8MPaを超えないこと。異常音が発生した場合は、直ちに電源スイッチを切り、保守担当者に連絡してください。フィルターは六か月ごとに交換します。",
		"会議室の予約", "請求書の送付先が変わりました。新しい住所は大阪市北区です。", "冷却水の交換は毎年四月に実施し、記録簿に残すこと",
	},
	"Kana": {
		"ｺﾝﾋﾟｭｰﾀｰ ﾉ ﾃﾞﾝｹﾞﾝ ｦ ｲﾚﾙ｡", "ｺｰﾄﾞ,ﾅﾏｴ,ｽｳﾘｮｳ\nA-1,ﾎﾞﾙﾄ M8,120\nA-2,ﾜｯｼｬｰ,77\n",
		"ﾌﾘｺﾐ ｶ)ﾔﾏﾀﾞｼﾖｳｶｲ 0012345 150000\n", "品番 ﾎﾞﾙﾄ M8",
	},
	"Chinese": {
		"本合同终止后，保密义务继续有效三年。",
		"姓名,部门,分机\n王小明,财务部,4471\n李娜,采购部,5502\n",
		"员工请假应当提前三天向部门经理提出书面申请。病假须附医院证明。未经批准擅自离岗的，按旷工处理。水泵的额定流量为每分钟八百升，检修周期为六个月，备件存放在二号仓库。",
		"出差报销", "请于每月五日前提交考勤表，逾期不予受理。", "锅炉房钥匙由值班人员保管，交接班时登记签字。",
	},
	"Taiwanese": {
		"合約終止後，保密義務仍然有效三年。",
		"姓名,部門,分機\n陳大文,財務部,4471\n林美玲,採購部,5502\n",
		"員工請假應於三天前向部門主管提出書面申請。病假須附醫院證明。未經核准擅自離開工作崗位者，依曠職處理。水泵的額定流量為每分鐘八百公升，檢修週期為六個月，備品存放於二號倉庫。",
		"會議紀錄", "請於每月五日前繳交出勤表，逾期不予受理。", "鍋爐房鑰匙由值班人員保管。",
	},
	"Korean": {
		"계약 해지는 삼십 일 전에 서면으로 통보하여야 한다.",
		"이름,부서,내선\n김철수,총무팀,4471\n박영희,구매팀,5502\n",
		"휴가를 신청하려는 직원은 사흘 전까지 부서장에게 신청서를 제출해야 합니다. 펌프의 정격 유량은 분당 팔백 리터이며, 필터는 여섯 달마다 교체합니다. 이상한 소리가 나면 즉시 전원을 끄고 담당자에게 연락하십시오.",
		"회의실 예약", "매월 5일까지 근태표를 제출하십시오.", "보일러실 열쇠는 당직자가 보관한다.",
	},
	"Russian": {
		"Срок хранения документов составляет пять лет.",
		"Имя;Отдел;Телефон\nИванова Анна;Бухгалтерия;4471\nПетров Олег;Склад;5502\n",
		"Заявление на отпуск подаётся за две недели до начала. Насос рассчитан на давление не более 8 бар; фильтр заменяют каждые шесть месяцев. При появлении постороннего шума немедленно отключите питание и сообщите дежурному инженеру.",
		"Протокол совещания", "Цена: 12 руб.", "Ключи от котельной хранятся у дежурного.", "ВНИМАНИЕ: высокое напряжение",
	},
	"Ukrainian": {
		"Термін зберігання документів становить п'ять років, її змінює директор.",
		"Ім'я;Відділ\nОлена Ковальчук;Бухгалтерія\nІгор Їжакевич;Склад\n",
		"Заява на відпустку подається за два тижні до початку. Насос розрахований на тиск не більше 8 бар; фільтр замінюють кожні шість місяців.",
		"Ключі від котельні зберігаються у чергового.", "Протокол наради і рішення", "Їдальня зачинена щоп'ятниці",
	},
	"Greek": {
		"Η προθεσμία υποβολής λήγει στις τριάντα Ιουνίου.",
		"Όνομα;Τμήμα\nΕλένη Παπαδοπούλου;Λογιστήριο\nΝίκος Γεωργίου;Αποθήκη\n",
		"Η αίτηση άδειας υποβάλλεται δύο εβδομάδες νωρίτερα. Η αντλία λειτουργεί με πίεση έως 8 bar και το φίλτρο αλλάζει κάθε έξι μήνες. Σε περίπτωση θορύβου κλείστε αμέσως τον διακόπτη.",
		"Πρακτικά σύσκεψης", "Τα κλειδιά του λεβητοστασίου φυλάσσονται από τον υπεύθυνο.", "ΠΡΟΣΟΧΗ: υψηλή τάση",
	},
	"Polish": {
		"Umowę można wypowiedzieć na trzydzieści dni przed końcem kwartału, o ile zażąda tego dłużnik.",
		"Imię;Dział\nŁucja Wiśniewska;Księgowość\nGrzegorz Żak;Magazyn części\n",
		"Wniosek urlopowy należy złożyć dwa tygodnie wcześniej. Pompa pracuje przy ciśnieniu do 8 bar, a filtr wymienia się co sześć miesięcy. Gdy usłyszysz dźwięk, odłącz zasilanie i zgłoś to inżynierowi.",
		"Protokół zebrania", "Żółw", "Klucze do kotłowni przechowuje dyżurny.", "Proszę składać wnioski do końca miesiąca.",
	},
	"Czech": {
		"Smlouvu lze vypovědět třicet dní před koncem čtvrtletí, pokud o to požádá dlužník.",
		"Jméno;Oddělení\nŽofie Dvořáková;Účtárna\nJiří Kříž;Sklad dílů\n",
		"Žádost o dovolenou se podává dva týdny předem. Čerpadlo pracuje při tlaku do 8 barů a filtr se vyměňuje každých šest měsíců. Při podezřelém hluku ihned vypněte napájení.",
		"Zápis z porady", "Průtok čerpadla", "Skříň č. 5", "Klíče od kotelny má vrátný.", "Výkaz práce odevzdejte do pátého dne v měsíci.",
	},
	"Hungarian": {
		"A szerződést harminc nappal előbb, írásban lehet felmondani; ettől eltérni tilos, kivéve ha sürgős szükség űzi.",
		"Név;Osztály\nSzűcs Ágnes;Könyvelés\nErdős Béla;Raktár\n",
		"A szabadságot két héttel előbb kell kérni. A szivattyú legfeljebb 8 bar nyomáson működik, a szűrőt hathavonta cserélik. Zaj esetén azonnal kapcsolja ki a gépet, és szóljon az őrnek.",
		"Értekezlet jegyzőkönyve", "A kazánház kulcsát az ügyeletes őrzi.", "Kérjük, ötödikéig adja le.",
	},
	"Turkish": {
		"Sözleşme otuz gün önceden yazılı olarak feshedilebilir; başvurular şubeye yapılır.",
		"Adı;Bölüm\nAyşe Yılmaz;Muhasebe\nİbrahim Çağlar;Satın alma\n",
		"İzin dilekçesi iki hafta önceden verilir. Pompanın basıncı 8 barı aşmamalıdır; süzgeç altı ayda bir değiştirilir. Gürültü duyulursa makineyi hemen kapatın ve nöbetçi mühendise haber verin.",
		"Toplantı tutanağı", "Değer: İyi", "Kazan dairesinin anahtarı nöbetçidedir.", "Lütfen ayın beşine kadar teslim ediniz.",
	},
	"Arabic": {
		"يجوز إنهاء العقد بإشعار خطي قبل ثلاثين يوما.",
		"الاسم;القسم\nفاطمة الزهراء;المحاسبة\nأحمد صالح;المستودع\n",
		"يقدم الموظف طلب الإجازة قبل أسبوعين من موعدها. تعمل المضخة بضغط لا يزيد على 8 بار ويستبدل المرشح كل ستة أشهر. عند سماع صوت غريب أوقف الجهاز فورا واتصل بالمهندس المناوب.",
		"محضر الاجتماع", "مضخة التبريد 812", "تحفظ مفاتيح غرفة الغلاية لدى الحارس.", "يرجى تسليم الكشف قبل اليوم الخامس",
	},
	"Hebrew": {
		"תקופת ההודעה המוקדמת היא שלושים יום.",
		"שם;מחלקה\nרות כהן;הנהלת חשבונות\nדוד לוי;מחסן\n",
		"בקשה לחופשה תוגש שבועיים מראש. המשאבה פועלת בלחץ של עד 8 בר, והמסנן מוחלף כל שישה חודשים. אם נשמע רעש חריג יש לכבות מיד את המכשיר ולהודיע למהנדס התורן.",
		"פרוטוקול ישיבה", "שלום עולם", "המפתחות לחדר הדוודים נמצאים אצל התורן.", "נא להגיש עד החמישי בחודש",
	},
	"Thai": {
		"สัญญานี้สามารถบอกเลิกได้โดยแจ้งล่วงหน้าสามสิบวัน",
		"ชื่อ;แผนก\nสมชาย ใจดี;บัญชี\nมาลี ศรีสุข;คลังสินค้า\n",
		"พนักงานต้องยื่นใบลาล่วงหน้าสองสัปดาห์ ปั๊มทำงานที่ความดันไม่เกิน 8 บาร์ และต้องเปลี่ยนไส้กรองทุกหกเดือน",
		"รายงานการประชุม", "กุญแจห้องหม้อน้ำอยู่ที่เวรยาม", "โปรดส่งภายในวันที่ห้า",
	},
	"German": {
		"Der Vertrag kann dreißig Tage vor Ende des Quartals gekündigt werden.",
		"Name;Abteilung\nJürgen Groß;Buchhaltung\nÄnne Schröder;Einkauf\n",
		"Der Urlaubsantrag ist zwei Wochen früher zu stellen. Die Pumpe läuft bei höchstens 8 bar; der Filter, 5 µm fein, wird alle sechs Monate gewechselt. Bei Geräuschen sofort ausschalten – und den Ingenieur rufen.",
		"Prüfprotokoll", "Schlüssel für den Heizraum", "Überstunden sind bis zum Fünften zu melden.",
	},
	"French": {
		"Le contrat peut être résilié par écrit trente jours à l’avance.",
		"Prénom;Service\nFrançois Lefèvre;Comptabilité\nZoé Hénin;Dépôt n° 4\n",
		"La demande de congé se dépose deux semaines à l’avance. La pompe fonctionne jusqu’à 8 bars et le filtre est changé tous les six mois. En cas de bruit, arrêtez aussitôt la machine et prévenez l’ingénieur où qu’il soit : cœur du dispositif.",
		"Procès-verbal de réunion", "Prix : 5 €", "Les clés de la chaufferie sont chez le gardien, près de l'entrée.", "Relevé à remettre",
	},
	"Spanish": {
		"El contrato puede rescindirse por escrito con treinta días de antelación.",
		"Nombre;Sección\nBegoña Núñez;Contaduría\nJosé Ibáñez;Almacén\n",
		"La solicitud de vacaciones se presenta dos semanas antes. La bomba trabaja a 8 bares como máximo y el filtro se cambia cada seis meses. ¿Oye un ruido extraño? Apague la máquina y avise al técnico de guardia, señor.",
		"Acta de reunión", "La llave está en portería, según lo acordado.", "¿Dónde está el baño?",
	},
	"Swedish": {
		"Avtalet kan sägas upp skriftligen trettio dagar i förväg.",
		"Namn;Avdelning\nÅsa Lindström;Ekonomi\nBjörn Sjögren;Förråd\n",
		"Ansökan om ledighet lämnas två veckor i förväg. Pumpen får gå vid högst 8 bar och filtret byts var sjätte månad. Hörs ett främmande ljud, stäng genast av och ring jouren på översta våningen.",
		"Mötesprotokoll", "Nyckeln till pannrummet finns hos vakten på våning två.", "Lämna in före femte varje månad",
	},
}

var encodingsOf = map[string]map[string]encoding.Encoding{
	"Japanese":  {"Shift_JIS": japanese.ShiftJIS, "EUC-JP": japanese.EUCJP, "ISO-2022-JP": japanese.ISO2022JP, "UTF-16LE": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
	"Kana":      {"Shift_JIS": japanese.ShiftJIS, "EUC-JP": japanese.EUCJP},
	"Chinese":   {"GB18030": simplifiedchinese.GB18030, "GBK": simplifiedchinese.GBK, "UTF-16BE": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)},
	"Taiwanese": {"Big5": traditionalchinese.Big5, "UTF-16LE": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
	"Korean":    {"EUC-KR": korean.EUCKR, "UTF-16LE": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
	"Russian":   {"windows-1251": charmap.Windows1251, "KOI8-R": charmap.KOI8R, "IBM866": charmap.CodePage866, "ISO-8859-5": charmap.ISO8859_5, "UTF-16LE": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
	"Ukrainian": {"windows-1251": charmap.Windows1251, "KOI8-U": charmap.KOI8U},
	"Greek":     {"windows-1253": charmap.Windows1253, "ISO-8859-7": charmap.ISO8859_7, "UTF-16BE": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)},
	"Polish":    {"windows-1250": charmap.Windows1250, "ISO-8859-2": charmap.ISO8859_2},
	"Czech":     {"windows-1250": charmap.Windows1250, "ISO-8859-2": charmap.ISO8859_2},
	"Hungarian": {"windows-1250": charmap.Windows1250, "ISO-8859-2": charmap.ISO8859_2},
	"Turkish":   {"windows-1254": charmap.Windows1254},
	"Arabic":    {"windows-1256": charmap.Windows1256, "UTF-16LE": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
	"Hebrew":    {"windows-1255": charmap.Windows1255},
	"Thai":      {"windows-874": charmap.Windows874},
	"German":    {"windows-1252": charmap.Windows1252, "IBM850": charmap.CodePage850, "UTF-16LE": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
	"French":    {"windows-1252": charmap.Windows1252},
	"Spanish":   {"windows-1252": charmap.Windows1252},
	"Swedish":   {"windows-1252": charmap.Windows1252},
}

func TestEncodingsAreGuessedFromTheText(t *testing.T) {
	for language, texts := range scripture {
		for name, e := range encodingsOf[language] {
			for i, text := range texts {
				data, err := encoding.ReplaceUnsupported(e.NewEncoder()).Bytes([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				want, err := e.NewDecoder().String(string(data)) // what the encoding has no character for is lost
				if err != nil {
					t.Fatal(err)
				}
				if got, _ := Decode(data); got != want {
					t.Errorf("%s in %s, text %d, is read in %s: %.40q", language, name, i, guess(data).name, got)
				}
				if IsBinary(data) {
					t.Errorf("%s in %s, text %d, is taken for binary", language, name, i)
				}
			}
		}
	}
}

// TestEncodingsOfFewCapitals guesses from a word or two: the letters of these encodings have the same places, in another
// order or in the other case.
func TestEncodingsOfFewCapitals(t *testing.T) {
	for _, c := range []struct {
		encoding encoding.Encoding
		words    []string
	}{
		{charmap.KOI8R, []string{"ВНИМАНИЕ", "НАСОС", "ДОГОВОР", "МОСКВА", "ПРОТОКОЛ", "ТЕХНИЧЕСКОЕ ЗАДАНИЕ", "БУХГАЛТЕРИЯ", "РЕМОНТ"}},
		{charmap.Windows1251, []string{"ВНИМАНИЕ", "НАСОС", "ГРАФИК ОТПУСКОВ", "СЧЁТ", "ПРОТОКОЛ", "НАКЛАДНАЯ", "УПРАВЛЕНИЕ"}},
		{charmap.CodePage866, []string{"ВНИМАНИЕ", "ПРИКАЗ"}},
		{charmap.Windows1253, []string{"ΠΡΟΣΟΧΗ", "ΑΝΤΛΙΑ", "ΔΕΛΤΙΟ ΑΠΟΣΤΟΛΗΣ", "ΤΙΜΗ", "ΑΣΦΑΛΕΙΑ", "ΤΕΧΝΙΚΑ ΧΑΡΑΚΤΗΡΙΣΤΙΚΑ"}},
		{charmap.Windows1250, []string{"PRZEGLĄD", "ŻÓŁW"}},
		{charmap.Windows1252, []string{"AÇÃO", "Ção", "SÃO PAULO"}},
		{korean.EUCKR, []string{"가격", "설명서"}},
	} {
		for _, word := range c.words {
			data, err := c.encoding.NewEncoder().Bytes([]byte(word))
			if err != nil {
				t.Fatal(err)
			}
			if got, warnings := Decode(data); got != word || !warnings.Has(config.EncodingGuessed) {
				t.Errorf("%s is read in %s: %s, %v", word, guess(data).name, got, warnings)
			}
		}
	}
}
