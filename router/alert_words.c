/* SPDX-License-Identifier: Apache-2.0
 * What alerts are about, and the words that make one possible. Phrases are narrow, and what they find is only
 * shown to somebody on shift first. Not reviewed by native speakers yet. */
#include "router/alert.h"

const char *const alert_languages[ALERT_LANGUAGES + 1] = {"ar", "fa", "prs", "ps", "ur",
                                                          "so", "fr", "tr",  "en", NULL};

const struct alert_category alert_categories[] = {
    {"death", {"وفاة", "مرگ", "مرگ", "مړینه", "موت", "Dhimasho", "Décès", "Ölüm", "Death"}},
    {"detention",
     {"احتجاز", "بازداشت", "توقیف", "نیول", "حراست", "Xarig", "Détention", "Gözaltı", "Detention"}},
    {"removal",
     {"ترحيل أو إعادة قسرية", "اخراج یا بازگرداندن اجباری", "اخراج یا برگشت اجباری", "جبري ایستل",
      "جبری واپسی", "Celin qasab ah", "Expulsion forcée", "Sınır dışı edilme", "Forced removal"}},
    {"missing",
     {"شخص مفقود", "فرد گمشده", "شخص گم‌شده", "ورک شوی کس", "لاپتہ شخص", "Qof maqan",
      "Personne disparue", "Kayıp kişi", "Missing person"}},
    {"medical",
     {"حالة طبية طارئة", "فوریت پزشکی", "وضعیت عاجل صحی", "بېړنی روغتیایي حالت", "طبی ہنگامی صورتحال",
      "Xaalad caafimaad oo degdeg ah", "Urgence médicale", "Acil sağlık durumu", "Medical emergency"}},
    {"violence",
     {"عنف أو تهديد", "خشونت یا تهدید", "خشونت یا تهدید", "تاوتریخوالی یا ګواښ", "تشدد یا دھمکی",
      "Rabshad ama hanjabaad", "Violence ou menace", "Şiddet veya tehdit", "Violence or threat"}},
    {"child",
     {"طفل في خطر", "کودک در خطر", "طفل در خطر", "ماشوم په خطر کې", "خطرے میں بچہ", "Ilmo khatar ku jira",
      "Enfant en danger", "Tehlikedeki çocuk", "Child at risk"}},
    {"selfharm",
     {"إيذاء النفس", "آسیب به خود", "آسیب به خود", "ځان ته زیان رسول", "خود کو نقصان", "Is dhaawicid",
      "Automutilation ou suicide", "Kendine zarar verme", "Self-harm"}},
    {"disaster",
     {"حريق أو كارثة", "آتش‌سوزی یا حادثه", "آتش‌سوزی یا حادثه",
      "اور لګېدنه یا پېښه", "آگ یا آفت", "Dab ama musiibo", "Incendie ou catastrophe", "Yangın veya afet",
      "Fire or disaster"}},
    {"other",
     {"طارئ آخر", "اضطراری دیگر", "عاجل دیگر", "بله بېړنۍ پېښه", "دیگر ہنگامی صورتحال", "Xaalad degdeg kale",
      "Autre urgence", "Diğer acil durum", "Other emergency"}},
    {0},
};

static const struct {
    enum language l;
    const char *category, *phrase;
} words[] = {
    {LANGUAGE_EN, "death", "he died"},
    {LANGUAGE_EN, "death", "she died"},
    {LANGUAGE_EN, "death", "was killed"},
    {LANGUAGE_EN, "death", "dead body"},
    {LANGUAGE_EN, "detention", "was arrested"},
    {LANGUAGE_EN, "detention", "been arrested"},
    {LANGUAGE_EN, "detention", "police took"},
    {LANGUAGE_EN, "detention", "we are detained"},
    {LANGUAGE_EN, "detention", "i am detained"},
    {LANGUAGE_EN, "removal", "deporting me"},
    {LANGUAGE_EN, "removal", "deporting us"},
    {LANGUAGE_EN, "missing", "is missing"},
    {LANGUAGE_EN, "missing", "has disappeared"},
    {LANGUAGE_EN, "missing", "lost my child"},
    {LANGUAGE_EN, "medical", "cannot breathe"},
    {LANGUAGE_EN, "medical", "can't breathe"},
    {LANGUAGE_EN, "medical", "heart attack"},
    {LANGUAGE_EN, "medical", "heavy bleeding"},
    {LANGUAGE_EN, "violence", "kill me"},
    {LANGUAGE_EN, "violence", "kill us"},
    {LANGUAGE_EN, "violence", "raped"},
    {LANGUAGE_EN, "violence", "with a knife"},
    {LANGUAGE_EN, "selfharm", "kill myself"},
    {LANGUAGE_EN, "selfharm", "want to die"},
    {LANGUAGE_EN, "disaster", "house is burning"},
    {LANGUAGE_EN, "disaster", "boat is sinking"},
    {LANGUAGE_AR, "death", "توفي"},
    {LANGUAGE_AR, "death", "قتلوه"},
    {LANGUAGE_AR, "death", "جثة"},
    {LANGUAGE_AR, "detention", "اعتقلوا"},
    {LANGUAGE_AR, "detention", "تم اعتقال"},
    {LANGUAGE_AR, "detention", "محتجزون"},
    {LANGUAGE_AR, "removal", "سيرحلوننا"},
    {LANGUAGE_AR, "removal", "يرحلونني"},
    {LANGUAGE_AR, "missing", "مفقود"},
    {LANGUAGE_AR, "missing", "اختفى ابني"},
    {LANGUAGE_AR, "medical", "لا أستطيع التنفس"},
    {LANGUAGE_AR, "medical", "نزيف شديد"},
    {LANGUAGE_AR, "medical", "أزمة قلبية"},
    {LANGUAGE_AR, "violence", "سيقتلني"},
    {LANGUAGE_AR, "violence", "سيقتلوننا"},
    {LANGUAGE_AR, "violence", "اغتصبوني"},
    {LANGUAGE_AR, "selfharm", "أريد أن أموت"},
    {LANGUAGE_AR, "selfharm", "سأنتحر"},
    {LANGUAGE_AR, "disaster", "القارب يغرق"},
    {LANGUAGE_FA, "death", "فوت کرد"},
    {LANGUAGE_FA, "death", "کشته شد"},
    {LANGUAGE_FA, "detention", "بازداشت شد"},
    {LANGUAGE_FA, "detention", "دستگیر شد"},
    {LANGUAGE_FA, "removal", "دیپورت میکنند"},
    {LANGUAGE_FA, "missing", "گم شده است"},
    {LANGUAGE_FA, "missing", "ناپدید شده"},
    {LANGUAGE_FA, "medical", "نمی توانم نفس بکشم"},
    {LANGUAGE_FA, "medical", "خونریزی شدید"},
    {LANGUAGE_FA, "medical", "سکته کرد"},
    {LANGUAGE_FA, "violence", "مرا می کشد"},
    {LANGUAGE_FA, "violence", "ما را می کشند"},
    {LANGUAGE_FA, "violence", "تجاوز کرد"},
    {LANGUAGE_FA, "selfharm", "خودکشی می کنم"},
    {LANGUAGE_FA, "selfharm", "می خواهم بمیرم"},
    {LANGUAGE_FA, "disaster", "قایق غرق"},
    {LANGUAGE_PRS, "death", "کشته شد"},
    {LANGUAGE_PRS, "death", "وفات کرد"},
    {LANGUAGE_PRS, "detention", "گرفتار شد"},
    {LANGUAGE_PRS, "detention", "پولیس گرفت"},
    {LANGUAGE_PRS, "missing", "لادرک است"},
    {LANGUAGE_PRS, "medical", "خون ریزی شدید"},
    {LANGUAGE_PRS, "violence", "مرا می کشند"},
    {LANGUAGE_PRS, "selfharm", "خود را می کشم"},
    {LANGUAGE_PS, "death", "مړ شو"},
    {LANGUAGE_PS, "death", "ووژل شو"},
    {LANGUAGE_PS, "detention", "ونیول شو"},
    {LANGUAGE_PS, "detention", "پولیسو ونیو"},
    {LANGUAGE_PS, "missing", "ورک شوی دی"},
    {LANGUAGE_PS, "medical", "ساه نشم اخیستلی"},
    {LANGUAGE_PS, "violence", "ما وژني"},
    {LANGUAGE_PS, "selfharm", "ځان وژنم"},
    {LANGUAGE_UR, "death", "انتقال ہو گیا"},
    {LANGUAGE_UR, "death", "قتل کر دیا"},
    {LANGUAGE_UR, "detention", "گرفتار کر لیا"},
    {LANGUAGE_UR, "removal", "ڈی پورٹ کر رہے"},
    {LANGUAGE_UR, "missing", "لاپتہ ہے"},
    {LANGUAGE_UR, "medical", "سانس نہیں آ رہی"},
    {LANGUAGE_UR, "medical", "دل کا دورہ"},
    {LANGUAGE_UR, "violence", "مار ڈالیں گے"},
    {LANGUAGE_UR, "violence", "زیادتی کی گئی"},
    {LANGUAGE_UR, "selfharm", "خودکشی کر"},
    {LANGUAGE_CKB, "death", "کوژرا"},
    {LANGUAGE_CKB, "detention", "دەستگیر کرا"},
    {LANGUAGE_CKB, "missing", "ون بووە"},
    {LANGUAGE_CKB, "medical", "هەناسەم بۆ نایەت"},
    {LANGUAGE_CKB, "violence", "دەمکوژن"},
    {LANGUAGE_CKB, "selfharm", "خۆم دەکوژم"},
    {LANGUAGE_SO, "death", "waa la dilay"},
    {LANGUAGE_SO, "death", "wuu dhintay"},
    {LANGUAGE_SO, "detention", "waa la xiray"},
    {LANGUAGE_SO, "removal", "waa la i musaafurinayaa"},
    {LANGUAGE_SO, "missing", "waa la la'yahay"},
    {LANGUAGE_SO, "medical", "ma neefsan karo"},
    {LANGUAGE_SO, "violence", "way i dilayaan"},
    {LANGUAGE_SO, "violence", "waa la i kufsaday"},
    {LANGUAGE_SO, "selfharm", "waan is dilayaa"},
    {LANGUAGE_FR, "death", "est mort"},
    {LANGUAGE_FR, "death", "est morte"},
    {LANGUAGE_FR, "death", "a été tué"},
    {LANGUAGE_FR, "detention", "a été arrêté"},
    {LANGUAGE_FR, "detention", "nous sommes détenus"},
    {LANGUAGE_FR, "removal", "va m'expulser"},
    {LANGUAGE_FR, "missing", "a disparu"},
    {LANGUAGE_FR, "medical", "ne peux pas respirer"},
    {LANGUAGE_FR, "medical", "crise cardiaque"},
    {LANGUAGE_FR, "violence", "va me tuer"},
    {LANGUAGE_FR, "violence", "vont nous tuer"},
    {LANGUAGE_FR, "violence", "violée"},
    {LANGUAGE_FR, "selfharm", "veux mourir"},
    {LANGUAGE_FR, "selfharm", "me suicider"},
    {LANGUAGE_TR, "death", "öldürüldü"},
    {LANGUAGE_TR, "death", "hayatını kaybetti"},
    {LANGUAGE_TR, "detention", "gözaltına alındı"},
    {LANGUAGE_TR, "detention", "tutuklandı"},
    {LANGUAGE_TR, "removal", "sınır dışı ediyorlar"},
    {LANGUAGE_TR, "missing", "kayboldu"},
    {LANGUAGE_TR, "missing", "haber alamıyorum"},
    {LANGUAGE_TR, "medical", "nefes alamıyorum"},
    {LANGUAGE_TR, "medical", "kalp krizi"},
    {LANGUAGE_TR, "violence", "beni öldürecek"},
    {LANGUAGE_TR, "violence", "bizi öldürecekler"},
    {LANGUAGE_TR, "violence", "tecavüz"},
    {LANGUAGE_TR, "selfharm", "intihar edeceğim"},
    {LANGUAGE_TR, "selfharm", "ölmek istiyorum"},
    {LANGUAGE_KMR, "death", "hat kuştin"},
    {LANGUAGE_KMR, "detention", "hat girtin"},
    {LANGUAGE_KMR, "missing", "winda bûye"},
    {LANGUAGE_KMR, "medical", "nikarim bêhnê bistînim"},
    {LANGUAGE_KMR, "violence", "wê min bikujin"},
    {LANGUAGE_KMR, "selfharm", "ez ê xwe bikujim"},
    {LANGUAGE_ES, "death", "ha muerto"},
    {LANGUAGE_ES, "death", "lo mataron"},
    {LANGUAGE_ES, "detention", "fue detenido"},
    {LANGUAGE_ES, "detention", "lo arrestaron"},
    {LANGUAGE_ES, "missing", "ha desaparecido"},
    {LANGUAGE_ES, "medical", "no puedo respirar"},
    {LANGUAGE_ES, "violence", "me va a matar"},
    {LANGUAGE_ES, "violence", "nos van a matar"},
    {LANGUAGE_ES, "selfharm", "quiero morir"},
    {LANGUAGE_AM, "death", "ተገደለ"},
    {LANGUAGE_AM, "detention", "ታሰረ"},
    {LANGUAGE_AM, "missing", "ጠፍቷል"},
    {LANGUAGE_AM, "medical", "መተንፈስ አልቻልኩም"},
    {LANGUAGE_AM, "violence", "ሊገድሉኝ ነው"},
    {LANGUAGE_TI, "death", "ተቐቲሉ"},
    {LANGUAGE_TI, "detention", "ተኣሲሩ"},
    {LANGUAGE_TI, "missing", "ጠፊኡ"},
    {LANGUAGE_TI, "violence", "ክቐትሉኒ"},
    {LANGUAGE_UK, "death", "загинув"},
    {LANGUAGE_UK, "death", "помер"},
    {LANGUAGE_UK, "detention", "заарештували"},
    {LANGUAGE_UK, "detention", "затримали"},
    {LANGUAGE_UK, "missing", "зник безвісти"},
    {LANGUAGE_UK, "medical", "не можу дихати"},
    {LANGUAGE_UK, "violence", "вб'є мене"},
    {LANGUAGE_UK, "violence", "зґвалтували"},
    {LANGUAGE_UK, "selfharm", "хочу померти"},
};

static const struct topic_rule plain = {.priority = -1};

static void add_shipped(struct topic_table *t)
{
    for (const struct alert_category *c = alert_categories; c->id; c++) {
        unsigned topic = topic_table_add(t, slice_str(c->id), &plain);
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (slice_is(slice_str(words[i].category), c->id))
                topic_table_phrase(t, topic, words[i].l, slice_str(words[i].phrase), NULL);
    }
}

static int add_own(struct topic_table *t, const json_t *set, struct err *e)
{
    size_t i;
    const char *tag;
    json_t *list, *phrase, *by_language = json_object_get(set, "words");
    unsigned topic = topic_table_add(t, json_opt_str(set, "category"), &plain);
    json_object_foreach(by_language, tag, list)
    {
        json_array_foreach(list, i, phrase)
        {
            int rc = topic_table_phrase(t, topic, language_find(slice_str(tag)),
                                        slice_str(json_string_value(phrase)), e);
            if (rc)
                return rc;
        }
    }
    return 0;
}

int alert_words_load(struct topic_table **out, const json_t *alerts, struct err *e)
{
    size_t i;
    json_t *set;
    struct topic_table *t = topic_table_new();
    int rc = 0;
    if (json_opt_bool(alerts, "shipped_words", true))
        add_shipped(t);
    json_array_foreach(json_object_get(alerts, "words"), i, set)
    {
        if (!rc)
            rc = add_own(t, set, e);
    }
    *out = rc ? NULL : t;
    if (rc)
        topic_table_free(t);
    return rc;
}
